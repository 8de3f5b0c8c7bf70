// Options that may be given several times, as commander wants them: each value is added to those before it.

export function collect(value: string, earlier: readonly string[] = []): readonly string[] {
  return [...earlier, value];
}

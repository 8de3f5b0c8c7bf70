// The profile of a kernel on the command line.
import { UsageError } from './exit-code.ts';

const profiles = ['minimal', 'network'] as const;

export function parseKernelProfile(text: string): (typeof profiles)[number] {
  const found = profiles.find((name) => name === text);
  if (found !== undefined) return found;
  throw new UsageError(`--profile must be one of ${profiles.join(', ')}, got ${JSON.stringify(text)}`);
}

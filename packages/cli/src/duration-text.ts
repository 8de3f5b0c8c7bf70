// How long something took, as people say it.

/** `1.28 s`, and from ten seconds on `12.3 s`. */
export function durationText(ms: number): string {
  return ms < 9_995 ? `${(ms / 1_000).toFixed(2)} s` : `${(ms / 1_000).toFixed(1)} s`;
}

// How long ago something was, as people say it in a table: one number, one unit.

const units = [
  { name: 'd', ms: 86_400_000 },
  { name: 'h', ms: 3_600_000 },
  { name: 'm', ms: 60_000 },
  { name: 's', ms: 1_000 },
] as const;

/** `12s`, `3m`, `2h`, `5d`; `0s` for a moment in the future. `at` is RFC 3339. */
export function ageText(at: string, nowMs: number): string {
  const ageMs = Math.max(0, nowMs - Date.parse(at));
  const unit = units.find(({ ms }) => ageMs >= ms) ?? units[3];
  return `${Math.floor(ageMs / unit.ms)}${unit.name}`;
}

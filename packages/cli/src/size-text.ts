// How many bytes something has, as people say it: one number, one unit.

const units = ['B', 'KiB', 'MiB', 'GiB', 'TiB'] as const;

/** `812 B`, `12.3 MiB`. A rate may have a fraction of a byte, which is rounded. */
export function sizeText(bytes: number): string {
  const power = bytes < 1 ? 0 : Math.min(units.length - 1, Math.floor(Math.log2(bytes) / 10));
  const value = bytes / 1024 ** power;
  return `${power === 0 ? Math.round(value) : value.toFixed(1)} ${units[power]}`;
}

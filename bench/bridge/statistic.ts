// Medians, geometric means and percentile bootstrap intervals (Efron 1979), with a fixed seed so that a table can be recomputed.

export interface Interval {
  readonly median: number;
  readonly low: number;
  readonly high: number;
}

const resamples = 2_000;

export function median(values: readonly number[]): number {
  const sorted = [...values].sort((left, right) => left - right);
  const middle = Math.floor(sorted.length / 2);
  const upper = sorted[middle] ?? Number.NaN;
  return sorted.length % 2 === 1 ? upper : ((sorted[middle - 1] ?? Number.NaN) + upper) / 2;
}

export function geometricMean(values: readonly number[]): number {
  return Math.exp(values.reduce((sum, value) => sum + Math.log(value), 0) / values.length);
}

/** The median of `values` and the 95 % percentile interval of the medians of resamples. */
export function bootstrap(values: readonly number[]): Interval {
  const random = createRandom(1);
  const medians = Array.from({ length: resamples }, () =>
    median(values.map(() => values[Math.floor(random() * values.length)] ?? Number.NaN)),
  ).sort((left, right) => left - right);
  return {
    median: median(values),
    low: medians[Math.floor(resamples * 0.025)] ?? Number.NaN,
    high: medians[Math.floor(resamples * 0.975)] ?? Number.NaN,
  };
}

// mulberry32: small, seeded, good enough to choose rounds.
function createRandom(seed: number): () => number {
  let state = seed;
  return () => {
    state = (state + 0x6d2b79f5) | 0;
    let mixed = Math.imul(state ^ (state >>> 15), state | 1);
    mixed ^= mixed + Math.imul(mixed ^ (mixed >>> 7), mixed | 61);
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 4294967296;
  };
}

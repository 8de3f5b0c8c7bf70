// What is said of one rate with one payload. Latencies are those of the answers that hold: a refusal is quick and would flatter them; how many held stands
// beside.
import type { Offered } from './offer.ts';

export interface Row {
  readonly rate: number;
  readonly payloadBytes: number;
  readonly requests: number;
  /** Answers that held, a second, from the first that was due to the last end. */
  readonly throughput: number;
  readonly successPercent: number;
  /** Null where no answer held. */
  readonly p50Ms: number | null;
  readonly p95Ms: number | null;
  readonly p99Ms: number | null;
  readonly maxMs: number | null;
  /** By kind. */
  readonly errors: Readonly<Record<string, number>>;
  readonly connections: number;
  /** How late the generator itself was; where this is not small beside the latencies, they are its own. */
  readonly generatorLagP99Ms: number;
}

export function describeOffered(rate: number, payloadBytes: number, offered: Offered): Row {
  const good = offered.latencyMs
    .filter((_, n) => offered.faults[n] === undefined && !Number.isNaN(offered.latencyMs[n]))
    .sort();
  const errors: Record<string, number> = {};
  for (const fault of offered.faults) if (fault !== undefined) errors[fault] = (errors[fault] ?? 0) + 1;
  const at = (share: number): number | null => quantile(good, share);
  return {
    rate,
    payloadBytes,
    requests: offered.requests,
    connections: offered.connections,
    errors,
    throughput: offered.elapsedMs > 0 ? (good.length * 1_000) / offered.elapsedMs : 0,
    successPercent: (good.length * 100) / offered.requests,
    p50Ms: at(0.5),
    p95Ms: at(0.95),
    p99Ms: at(0.99),
    maxMs: at(1),
    generatorLagP99Ms: quantile(offered.lagMs.slice().sort(), 0.99) ?? 0,
  };
}

/** Of sorted values: the least that so many of them do not exceed. */
export function quantile(sorted: Float64Array, share: number): number | null {
  return sorted[Math.max(0, Math.ceil(sorted.length * share) - 1)] ?? null;
}

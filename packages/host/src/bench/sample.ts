// What one window of a bench gave.
import type { ChannelStats } from '@caisson/link/channel';

export interface Sample {
  readonly messages: number;
  readonly seconds: number;
  readonly perSecond: number;
  /** Of the application, both directions together. */
  readonly bytesPerSecond: number;
  /** Of this process. */
  readonly cpuUsPerMessage: number;
  /** Null where no latency was taken. */
  readonly p50Us: number | null;
  readonly p99Us: number | null;
  /** Writes and reads of this end's sockets a message; absent for the naive way. */
  readonly callsPerMessage: number | null;
  readonly writesPerSecond: number | null;
  /** Share of the window in which the socket took nothing. */
  readonly socketWait: number | null;
}

export class Meter {
  readonly #startMs = performance.now();
  readonly #cpu = process.cpuUsage();
  readonly #latenciesMs: number[] = [];
  readonly #before: readonly ChannelStats[];
  messages = 0;
  bytes = 0;

  constructor(before: readonly ChannelStats[] = []) {
    this.#before = before;
  }

  latency(ms: number): void {
    this.#latenciesMs.push(ms);
  }

  finish(after: readonly ChannelStats[] = []): Sample {
    const seconds = (performance.now() - this.#startMs) / 1_000;
    const { user, system } = process.cpuUsage(this.#cpu);
    const messages = Math.max(1, this.messages);
    const grown = (of: (stats: ChannelStats) => number): number =>
      after.reduce((sum, stats, index) => sum + of(stats) - of(this.#before[index]!), 0);
    const sorted = this.#latenciesMs.sort((left, right) => left - right);
    const at = (share: number): number | null => {
      const ms = sorted[Math.floor(sorted.length * share)];
      return ms === undefined ? null : ms * 1_000;
    };
    const channels = after.length;
    const share = (ms: number): number => Math.min(1, ms / (seconds * 1_000 * Math.max(1, channels)));
    return {
      messages: this.messages,
      seconds,
      perSecond: this.messages / seconds,
      bytesPerSecond: this.bytes / seconds,
      cpuUsPerMessage: (user + system) / messages,
      p50Us: at(0.5),
      p99Us: at(0.99),
      callsPerMessage: channels === 0 ? null : grown(({ writes, reads }) => writes + reads) / messages,
      writesPerSecond: channels === 0 ? null : grown(({ writes }) => writes) / seconds,
      socketWait: channels === 0 ? null : share(grown(({ timeMs }) => timeMs.socketWait)),
    };
  }
}

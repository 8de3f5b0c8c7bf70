// Waits until an enclave is ready, which is more than that it can be reached: the supervisor, or the application itself, must say so. Asks
// its health port again and again and, where asked to, listens on its ready line too, where reasons and last words come by themselves.
import { setTimeout as pause } from 'node:timers/promises';
import { type Cid, toCid, toVsockPort, type VsockPort } from '@caisson/core/address';
import { formatDuration } from '@caisson/core/config';
import type { Say } from '@caisson/link/argonaut';
import {
  askHealth,
  DEFAULT_HEALTH_PORT,
  type HealthOutcome,
  type ReadyLineServer,
  type SeenHealth,
  serveReadyLine,
} from '@caisson/link/ready';
import { createKernelTransport, type Transport } from '@caisson/link/transport';
import { createLinuxKernel } from '@caisson/sys';
import { collectLastWords, writeLastWords } from './last-words-file.ts';
import { adviseOn, describeOutcome, lastPhase, lastReasons, NotReadyError, type ReadyReport } from './report.ts';

export interface WaitOptions {
  /** Of the enclave. */
  readonly cid: number;
  /** From now. Default 30,000. */
  readonly deadlineMs?: number;
  /** Between two questions. Default 1,000. */
  readonly intervalMs?: number;
  /** Of a server that answers `{"action":"health"}`; default 5000, the supervisor's own. */
  readonly port?: number;
  /** Listen on the enclave's ready line too. It has one listener a host: rejects EADDRINUSE where another process has it. */
  readonly line?: boolean;
  /** With `line`: what the enclave last said goes there when the wait ends badly, for readLastWords. */
  readonly lastWordsFile?: string;
  /** Default: AF_VSOCK. */
  readonly transport?: Transport;
  readonly say?: Say;
  readonly signal?: AbortSignal;
}

// Chosen.
const defaultDeadlineMs = 30_000;
const defaultIntervalMs = 1_000;
const longestAnswerMs = 1_000;
const lastWordsMs = 1_000;

/**
 * Resolves once the enclave has said that it is ready. Throws NotReadyError: READY_LATE at the deadline, READY_FAILED as soon as the
 * supervisor says that this boot has failed or ended. Rejects with the reason of `signal`, and TypeError for a number out of range.
 */
export async function waitUntilReady(options: WaitOptions): Promise<ReadyReport> {
  const wait = new Wait(options);
  try {
    return await wait.run();
  } catch (error) {
    if (error instanceof NotReadyError) await wait.keepLastWords();
    throw error;
  } finally {
    await wait.close();
  }
}

class Wait {
  readonly #options: WaitOptions;
  readonly #transport: Transport;
  readonly #cid: Cid;
  readonly #port: VsockPort;
  readonly #say: Say;
  readonly #fromMs = performance.now();
  #server: ReadyLineServer | undefined;
  #wake = new AbortController();
  #attempts = 0;
  #outcome: HealthOutcome | null = null;
  #health: SeenHealth | null = null;

  constructor(options: WaitOptions) {
    this.#options = options;
    this.#cid = toCid(options.cid);
    this.#port = toVsockPort(options.port ?? DEFAULT_HEALTH_PORT);
    this.#say = options.say ?? (() => {});
    this.#transport = options.transport ?? createKernelTransport(createLinuxKernel());
  }

  async run(): Promise<ReadyReport> {
    const { signal, line, deadlineMs = defaultDeadlineMs, intervalMs = defaultIntervalMs } = this.#options;
    signal?.throwIfAborted();
    if (line === true) await this.#listen();
    this.#log('info', 'READY_DIAL', `asks port ${this.#port} for up to ${formatDuration(deadlineMs)}`);
    for (;;) {
      const beginMs = this.#elapsedMs;
      await this.#ask(Math.max(1, Math.ceil(Math.min(longestAnswerMs, deadlineMs - beginMs))));
      const verdict = this.#judge();
      if (verdict === 'ready') return this.#report(true);
      if (verdict === 'failed') {
        // Its last words and its last line may still be on their way.
        if (this.#server?.seen.standing === 'open') await this.#sleep(lastWordsMs);
        throw this.#failed('READY_FAILED');
      }
      const leftMs = deadlineMs - this.#elapsedMs;
      if (leftMs <= 0) throw this.#failed('READY_LATE');
      await this.#sleep(Math.min(leftMs, Math.max(1, beginMs + intervalMs - this.#elapsedMs)));
    }
  }

  async keepLastWords(): Promise<void> {
    const { lastWordsFile } = this.#options;
    const lastWords = this.#server && collectLastWords(this.#server.seen, this.#cid, Date.now());
    if (lastWordsFile !== undefined && lastWords !== undefined) await writeLastWords(lastWordsFile, lastWords);
  }

  async close(): Promise<void> {
    await this.#server?.close();
  }

  get #elapsedMs(): number {
    return performance.now() - this.#fromMs;
  }

  async #listen(): Promise<void> {
    this.#server = await serveReadyLine({
      transport: this.#transport,
      cid: this.#cid,
      onEvent: (event) => {
        if (event.kind === 'state') this.#log('info', 'READY_STATE', `says ${event.state.phase} on its line`);
        if (event.kind === 'lost') this.#log('warn', 'READY_LOST', 'has lost its ready line without a last word');
        if (event.kind === 'state' || event.kind === 'final' || event.kind === 'lost') this.#wake.abort();
      },
    });
  }

  async #ask(timeoutMs: number): Promise<void> {
    const { signal } = this.#options;
    // If the ready line has already answered, nothing has to be dialled.
    if (this.#judge() !== 'waiting') return;
    this.#attempts += 1;
    const outcome = await askHealth({
      transport: this.#transport,
      cid: this.#cid,
      port: this.#port,
      timeoutMs,
      onConnected: () => {
        if (this.#outcome === null) this.#log('info', 'READY_CONNECTED', `is connected on port ${this.#port}`);
      },
      ...(signal === undefined ? {} : { signal }),
    });
    // The last question may have had a moment only: that nothing came in a moment says less than what came before.
    const isCutShort = timeoutMs < longestAnswerMs && (outcome.kind === 'silent' || outcome.kind === 'unreachable');
    if (isCutShort && this.#outcome !== null) return;
    const [before, after] = [this.#outcome && describeOutcome(this.#outcome), describeOutcome(outcome)];
    this.#outcome = outcome;
    if (outcome.kind === 'answered') this.#health = outcome.health;
    if (before === after) return;
    const code = outcome.kind === 'answered' ? 'READY_ANSWERED' : 'READY_UNANSWERED';
    this.#log('info', code, `port ${this.#port} ${after}`);
  }

  /** A boot that has failed does not recover; a server that the caller named may, and only it says when it is ready. */
  #judge(): 'ready' | 'failed' | 'waiting' {
    const seen = this.#server?.seen;
    if (seen?.standing === 'ended' || seen?.state?.phase === 'failed') return 'failed';
    const isNamed = this.#options.port !== undefined;
    if (!isNamed && seen?.standing === 'open' && seen.state?.phase === 'ready') return 'ready';
    if (this.#outcome?.kind !== 'answered') return 'waiting';
    const { status, phase } = this.#outcome.health;
    if (status === 'ok') return 'ready';
    return phase === 'failed' && !isNamed ? 'failed' : 'waiting';
  }

  /** Until something comes over the line. */
  async #sleep(ms: number): Promise<void> {
    const { signal } = this.#options;
    this.#wake = new AbortController();
    const woken = this.#wake.signal;
    try {
      await pause(ms, undefined, { signal: signal === undefined ? woken : AbortSignal.any([woken, signal]) });
    } catch {
      signal?.throwIfAborted();
    }
  }

  #report(ready: boolean): ReadyReport {
    const seen = this.#server?.seen;
    const final = seen?.final;
    return {
      ready,
      cid: this.#cid,
      port: this.#port,
      waitedMs: Math.round(this.#elapsedMs),
      attempts: this.#attempts,
      outcome: this.#outcome,
      health: this.#health,
      line:
        seen === undefined
          ? null
          : {
              standing: seen.standing,
              state: seen.state ?? null,
              final: final === undefined ? null : { exit: final.exit, code: final.code },
              lastWords: seen.words,
            },
    };
  }

  #failed(code: 'READY_LATE' | 'READY_FAILED'): NotReadyError {
    const report = this.#report(false);
    const [phase, reasons] = [lastPhase(report), lastReasons(report)];
    const heard = phase === null ? 'no word of its phase' : `last phase ${phase}`;
    const why = reasons.length === 0 ? '' : ` (${reasons.join(', ')})`;
    const port = this.#outcome === null ? '' : `; port ${this.#port} ${describeOutcome(this.#outcome)}`;
    const what = code === 'READY_LATE' ? 'was not ready' : 'has failed';
    return new NotReadyError(
      code,
      `enclave ${this.#cid} ${what} after ${formatDuration(report.waitedMs)}: ${heard}${why}${port}`,
      report,
      { hint: adviseOn(this.#outcome) },
    );
  }

  #log(level: 'info' | 'warn', code: string, message: string): void {
    const bootId = this.#server?.seen.state?.bootId ?? this.#health?.bootId;
    const fields = { cid: this.#cid, port: this.#port, ...(bootId == null ? {} : { bootId }) };
    this.#say({ level, code, message: `[ready] enclave ${this.#cid} ${message}`, fields });
  }
}

// Follows the ready line of one boot: writes its phases into the state, sends the boot config when the enclave awaits it, keeps the last words.
// When the line is lost or silent nothing is known of the enclave, and no connection is let in until it speaks again.
import type { CaissonError } from '@caisson/core/errors';
import { formatReason, type ReadyEvent, type ReadyLineServer, serveReadyLine } from '@caisson/link/ready';
import type { EnclavePlace } from '../backend/index.ts';
import { collectLastWords, writeLastWords } from '../ready/last-words-file.ts';
import type { EnclaveFolder, RecordedSpec } from '../record/index.ts';
import type { ShimClock } from './clock.ts';
import type { EventLog } from './event-log.ts';
import { failedInside } from './failure.ts';
import type { LogFile } from './log-file.ts';
import { Seldom } from './seldom.ts';
import type { StateKeeper } from './state-keeper.ts';
import type { ShimStep } from './step.ts';

export interface LineKeeperOptions {
  readonly spec: RecordedSpec;
  readonly place: EnclavePlace;
  readonly config: Uint8Array | undefined;
  readonly clock: ShimClock;
  readonly events: EventLog;
  readonly keeper: StateKeeper;
  readonly folder: EnclaveFolder;
  readonly logFile: LogFile | undefined;
  readonly onStep: (step: ShimStep) => void;
  /** True once somebody asked for its end; then every phase that it reports is shown as `stopping`. */
  readonly isAsked: () => boolean;
  readonly onReady: () => void;
  readonly onUnready: () => void;
  readonly onFailed: (error: CaissonError) => void;
}

// Chosen. An enclave that has failed ends by itself; after this time the shim ends it.
const failedMs = 10_000;
/** Chosen. When the machine is gone, its last line may still be in a buffer. */
const lastLineMs = 250;
const configMs = 30_000;
/**
 * Chosen. An enclave decides for how many services it sends last words. Beyond this number they are kept in their file but are no longer events,
 * because events are bounded and a flood would push out older ones.
 */
const maxWordsTold = 64;
/** Each is of a boot id of its own, and an enclave has one for each boot. */
const maxFinalsTold = 8;
/** It says every few seconds that it still waits. */
const resendMs = 1_000;

export class LineKeeper {
  readonly #options: LineKeeperOptions;
  readonly #over = new AbortController();
  readonly #gone = Promise.withResolvers<void>();
  #server!: ReadyLineServer;
  readonly #faults: Seldom;
  readonly #unsent: Seldom;
  #finalsTold = 0;
  #isSending = false;
  #triedAtMs = Number.NEGATIVE_INFINITY;
  #isMissed = false;
  #failure: CaissonError | undefined;
  #wordsTold = 0;
  #hasNewWords = false;
  #writing: Promise<void> | undefined;

  private constructor(options: LineKeeperOptions) {
    this.#options = options;
    // Whoever is inside can come back a thousand times a second: old events would go for it.
    const tell = (code: string) =>
      new Seldom((count, latest) => {
        options.events.add('warn', code, count === 1 ? latest : `${latest} (${count} times)`, { count });
      });
    this.#faults = tell('READY_LINE_FAULT');
    this.#unsent = tell('CONFIG_UNSENT');
  }

  /** Rejects EADDRINUSE where somebody else listens for this enclave. */
  static async open(options: LineKeeperOptions): Promise<LineKeeper> {
    const keeper = new LineKeeper(options);
    const { cid, transport } = options.place;
    keeper.#server = await serveReadyLine({ cid, transport, onEvent: (event) => keeper.#hear(event) });
    return keeper;
  }

  /** Exit code in its final line; null where none came. */
  get exit(): number | null {
    return this.#server.seen.final?.exit ?? null;
  }

  /** Set once the enclave has reported that it failed. */
  get failure(): CaissonError | undefined {
    return this.#failure;
  }

  /** Call it when the enclave is gone. */
  async close(): Promise<void> {
    const { clock } = this.#options;
    if (this.#server.seen.standing === 'open' || this.#server.seen.standing === 'silent') {
      const timer = clock.setTimer(lastLineMs, () => this.#gone.resolve());
      await this.#gone.promise;
      timer.cancel();
    }
    this.#over.abort(new Error('the enclave has ended'));
    await this.#server.close();
    this.#keepWords();
    await this.#writing;
  }

  #hear(event: ReadyEvent): void {
    const { events, keeper, onUnready, isAsked } = this.#options;
    if (event.kind === 'state') this.#hearState(event);
    if (event.kind === 'words') {
      const { service } = event.words;
      const what = 'lines' in event.words ? `${event.words.lines.length} lines` : 'sealed';
      this.#wordsTold += 1;
      if (this.#wordsTold <= maxWordsTold) {
        events.add('warn', 'LAST_WORDS', `last words of service ${service}: ${what}`, { service });
        if ('lines' in event.words) this.#options.logFile?.words(service, event.words.lines);
      }
      this.#keepWords();
    }
    if (event.kind === 'final') {
      const { exit, code } = event.final;
      this.#finalsTold += 1;
      if (this.#finalsTold <= maxFinalsTold)
        events.add('info', 'ENCLAVE_FINAL', `last line: exit ${exit}, ${code}`, { exit, reason: code });
    }
    if (event.kind === 'lost' || event.kind === 'silent') {
      const fault = event.kind === 'lost' ? event.fault : undefined;
      const reason = event.kind === 'lost' ? 'ready-line-lost' : 'ready-line-silent';
      if (fault !== undefined) this.#faults.hear(fault.message);
      onUnready();
      // Before its first line it has no phase that it could fall back from.
      const { phase } = keeper.current;
      if (!isAsked() && (phase === 'ready' || phase === 'degraded')) keeper.enter('degraded', { reasons: [reason] });
    }
    if (event.kind === 'final' || event.kind === 'lost') this.#gone.resolve();
  }

  #hearState({ state }: Extract<ReadyEvent, { kind: 'state' }>): void {
    const { clock, keeper, isAsked, onFailed, onReady, onUnready, spec } = this.#options;
    const reasons = state.reasons.map(formatReason);
    const { phase, bootId } = state;
    const shown = isAsked() && phase !== 'failed' ? 'stopping' : phase;
    keeper.enter(shown, { reasons, bootId, configSha384: state.configSha384 ?? null });
    if (shown === 'ready') onReady();
    else onUnready();
    if (phase === 'config' && state.reasons.some(({ code }) => code === 'config-awaited')) void this.#sendConfig();
    if (phase === 'failed' && this.#failure === undefined) {
      const failure = failedInside(spec.name, reasons);
      this.#failure = failure;
      const timer = clock.setTimer(failedMs, () => onFailed(failure));
      this.#over.signal.addEventListener('abort', () => timer.cancel(), { once: true });
    }
  }

  /** The enclave repeats that it waits. A config that did not arrive is sent again; one that the enclave refused is not. */
  async #sendConfig(): Promise<void> {
    const { clock, config, events, onFailed } = this.#options;
    if (config === undefined) {
      if (!this.#isMissed) events.add('warn', 'CONFIG_MISSING', 'it awaits a boot config, and none was asked for');
      this.#isMissed = true;
      return;
    }
    const nowMs = clock.now();
    if (this.#isSending || nowMs - this.#triedAtMs < resendMs) return;
    this.#isSending = true;
    this.#triedAtMs = nowMs;
    try {
      const { sendAskedConfig } = await import('./send-config.ts');
      await sendAskedConfig({ ...this.#options, timeoutMs: configMs, signal: this.#over.signal });
    } catch (error) {
      if (this.#over.signal.aborted) return;
      if ((error as { code?: unknown }).code === 'HOST_CONFIG_REFUSED') return onFailed(error as CaissonError);
      this.#unsent.hear((error as Error).message);
      this.#isSending = false;
    }
  }

  /** One write at a time, always of the newest words: an enclave may talk faster than the disk writes. */
  #keepWords(): void {
    this.#hasNewWords = true;
    this.#writing ??= this.#writeWords();
  }

  async #writeWords(): Promise<void> {
    const { events, folder, place, clock } = this.#options;
    while (this.#hasNewWords) {
      this.#hasNewWords = false;
      const words = collectLastWords(this.#server.seen, place.cid, clock.date());
      if (words === undefined || (words.words.length === 0 && words.final === null)) continue;
      await writeLastWords(folder.lastWords, words).catch((error: Error) =>
        events.add('warn', 'LAST_WORDS_UNWRITTEN', error.message),
      );
    }
    this.#writing = undefined;
  }
}

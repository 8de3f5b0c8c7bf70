// `caisson logs -f` through all boots of an enclave: a session lasts as long as the boot that it was proven for, a shim as long as it is not killed or
// replaced. Whoever follows learns of both, and misses no line that may leave.
//
//   session of a boot ──► it breaks ──► is the enclave over? ──► yes: end
//          ▲                                │ no: what was said last, as far as it was let out
//          └──────── a boot that can be asked ◄── look again
import { setTimeout as pause } from 'node:timers/promises';
import { CaissonError } from '@caisson/core/errors';
import { isLocked } from '@caisson/host/file';
import { ENDED_PHASES, type EnclaveRecord, enclaveFolder, isShimAlive } from '@caisson/host/record';
import type { ShimEvent } from '@caisson/host/shim';
import type { EnclaveSource } from './enclave-source.ts';
import { UsageError } from './exit-code.ts';
import { hearShims } from './hear-events.ts';
import { readWordsOf } from './kept-lines.ts';
import type { ServiceLines } from './service-lines.ts';
import type { ShownLine } from './shown-line.ts';
import { unsaid } from './unsaid.ts';

/** A session of one boot, with the lines of its services. */
export interface BootLines {
  readonly bootId: string | null;
  readonly services: ServiceLines;
  close(): void;
}

export interface FollowLogsOptions {
  readonly name: string;
  readonly stop: AbortSignal;
  readonly sinceMs: number;
  readonly lookMs: number;
  /** How long a session may be lost before the shim knows that the enclave has ended. */
  readonly graceMs: number;
  /** What to do when the shim is gone without reporting an end: somebody may start it again. */
  readonly whenLost: 'wait' | 'end';
  /** False: services are never asked, and only what the host knows is shown. */
  readonly mayAsk: boolean;
  /** Only lines of this service. */
  readonly service: string | undefined;
  readonly onEvent: (event: ShimEvent) => void;
  readonly write: (line: ShownLine) => void;
  /** For people. */
  readonly say: (text: string) => void;
  /** Opens a session with the boot that runs now. */
  open(record: EnclaveRecord): Promise<BootLines>;
}

/** Resolves when the enclave has ended. Rejects with what broke the session of one that goes on, and with the reason of `stop`. */
export async function followLogs(
  source: EnclaveSource,
  options: FollowLogsOptions,
  first: BootLines | undefined,
): Promise<void> {
  const { name, stop, sinceMs, lookMs, onEvent, say } = options;
  const cut = new AbortController();
  let isOver = false;
  const signal = AbortSignal.any([stop, cut.signal]);
  const hearing = hearShims(source, name, { sinceMs, lookMs, signal, show: onEvent, isOver: () => isOver });
  try {
    const end = await new BootFollower(source, options).run(first);
    isOver = true;
    // The shim is about to exit; its last events are the end.
    await hearing;
    stop.throwIfAborted();
    say(end);
  } finally {
    cut.abort();
    await hearing;
  }
}

class BootFollower {
  readonly #source: EnclaveSource;
  readonly #options: FollowLogsOptions;
  /** The newest lines that were shown of each service in this boot. */
  readonly #said = new Map<string, string[]>();
  #mayAsk: boolean;
  #isToldLost = false;

  constructor(source: EnclaveSource, options: FollowLogsOptions) {
    this.#source = source;
    this.#options = options;
    this.#mayAsk = options.mayAsk;
  }

  /** Resolves with the reason why nothing more will come. */
  async run(first: BootLines | undefined): Promise<string> {
    const { stop } = this.#options;
    let [lines, bootId]: [BootLines | undefined, string | null] = [first, null];
    for (const line of first?.services.past ?? []) this.#remember(line);
    for (;;) {
      let broken: unknown;
      if (lines !== undefined) {
        bootId = lines.bootId;
        broken = await this.#show(lines);
        stop.throwIfAborted();
      }
      const next = await this.#next(bootId, broken);
      if (typeof next === 'string') return next;
      this.#said.clear();
      for (const line of next.services.past) this.#write(line);
      lines = next;
    }
  }

  /** Resolves with the error that ended the session. */
  async #show({ services, close }: BootLines): Promise<unknown> {
    try {
      await services.follow((line) => this.#write(line));
      return undefined;
    } catch (error) {
      return error;
    } finally {
      close();
    }
  }

  /** The next boot that can be asked, or why none comes. */
  async #next(bootId: string | null, broken: unknown): Promise<BootLines | string> {
    const { lookMs, graceMs, stop, name } = this.#options;
    let isWordTaken = bootId === null;
    let since = performance.now();
    for (let isFirst = true; ; isFirst = false) {
      if (!isFirst) await pause(lookMs, undefined, { signal: stop });
      const record = await this.#find();
      if (record === undefined) return `enclave ${name} was removed`;
      const end = await this.#endOf(record);
      const isSameBoot = end === undefined && bootId !== null && isOf(bootId, record);
      if (!isWordTaken && !isSameBoot) {
        isWordTaken = true;
        await this.#writeWords(bootId);
      }
      if (end !== undefined) return end;
      if (!this.#canAsk(record)) {
        since = performance.now();
        continue;
      }
      const isLate = performance.now() - since > graceMs;
      if (isSameBoot) {
        // Without services the enclave has nothing to say, and no session that could break.
        if (isLate && broken !== undefined) throw broken;
        continue;
      }
      const opened = await this.#open(record, isLate);
      if (opened !== undefined) return opened;
    }
  }

  async #find(): Promise<EnclaveRecord | undefined> {
    try {
      return await this.#source.find(this.#options.name);
    } catch (error) {
      if (error instanceof CaissonError && error.code === 'RECORD_UNKNOWN') return undefined;
      throw error;
    }
  }

  /** Why it has ended, in words; undefined while something runs or is about to. */
  async #endOf({ name, state }: EnclaveRecord): Promise<string | undefined> {
    const { whenLost, say } = this.#options;
    if (state === undefined || !ENDED_PHASES.includes(state.phase)) return undefined;
    const { phase, end, failure } = state;
    if (phase === 'lost' && whenLost === 'wait') {
      if (!this.#isToldLost) say(`enclave ${name} is lost, its shim is gone: caisson restart ${name} starts it again`);
      this.#isToldLost = true;
      return undefined;
    }
    // An enclave reports `failed` before it ends, and its shim may start it again. A command may also be replacing the shim right now.
    if (phase !== 'lost' && (await isShimAlive(state))) return undefined;
    if (await isLocked(enclaveFolder(this.#source.state, name).start)) return undefined;
    return `enclave ${name} is ${phase}: ${failure?.message ?? end?.text ?? 'nobody saw how'}`;
  }

  #canAsk({ spec, state }: EnclaveRecord): boolean {
    if (!this.#mayAsk || spec?.hasControl !== true || state === undefined || state.bootId === null) return false;
    this.#isToldLost &&= state.phase === 'lost';
    return ['services', 'ready', 'degraded'].includes(state.phase);
  }

  /** Undefined where the boot cannot be asked yet. */
  async #open(record: EnclaveRecord, isLate: boolean): Promise<BootLines | undefined> {
    const { open, say, stop } = this.#options;
    try {
      return await open(record);
    } catch (error) {
      stop.throwIfAborted();
      // An enclave that is coming up may have no policy yet, because `up` writes it before the proof.
      const isUp = record.state?.phase !== 'services';
      if (isUp && error instanceof UsageError) {
        this.#mayAsk = false;
        say(`its services cannot be asked, and the events of its host go on: ${error.message}`);
      } else if (isUp && isLate) throw error;
      return undefined;
    }
  }

  /** The lines that the end of the session cut off, as far as the enclave sent them as last words. */
  async #writeWords(bootId: string | null): Promise<void> {
    const { name, service } = this.#options;
    const words = await readWordsOf(enclaveFolder(this.#source.state, name).lastWords, name).catch(() => undefined);
    if (words === undefined || words.bootId !== bootId) return;
    for (const [speaker, lines] of words.services) {
      if (service !== undefined && service !== speaker) continue;
      const texts = lines.map(({ message }) => message);
      for (const line of lines.slice(unsaid(this.#said.get(speaker) ?? [], texts))) this.#write(line);
    }
  }

  #write(line: ShownLine): void {
    this.#remember(line);
    this.#options.write(line);
  }

  #remember({ service = '', message }: ShownLine): void {
    const said = this.#said.get(service) ?? [];
    said.push(message);
    if (said.length > maxRemembered) said.splice(0, said.length - maxRemembered / 2);
    this.#said.set(service, said);
  }
}

/** The record of an ended enclave keeps the id of its last boot until the next one. */
function isOf(bootId: string, { state }: EnclaveRecord): boolean {
  return state?.bootId === bootId && state.phase !== 'waiting' && state.phase !== 'lost';
}

// Given: last words are at most 200 lines of a service (docs/wire/ready.md).
const maxRemembered = 400;

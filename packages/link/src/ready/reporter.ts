// What the supervisor tells, kept as one state and passed on. A report never waits: the state is replaced, and the line gets what is newest
// when it has room, so that a parent who does not read costs a flag and not memory. After a break everything that still holds is said again.
import { CID_PARENT, hostPort } from '@caisson/core/address';
import type { MeasuredImage } from '@caisson/core/measured';
import type { Say } from '../argonaut/index.ts';
import type { Transport } from '../transport/transport.ts';
import { formatReadyLine } from './line.ts';
import { LineDialler } from './line-dialler.ts';
import {
  type HealthAnswer,
  MAX_READY_REASONS,
  MAX_WORDS_SERVICES,
  type Phase,
  READY_HEARTBEAT_MS,
  type ReadyReason,
  type ReadyReporter,
  type ReadyState,
  type ReasonCode,
  statusOfPhase,
} from './messages.ts';
import { formatReason, isBootId, isNameOfService } from './reason.ts';
import { readWordsKey, sealLastWords } from './seal-words.ts';
import { boundWords, cutBox, cutLines } from './words-part.ts';

export interface ReadyReporterOptions {
  readonly transport: Transport;
  readonly image: Pick<MeasuredImage, 'profile' | 'lastWords' | 'lastWordsKey'>;
  /** 32 hex digits, made once a boot. */
  readonly bootId: string;
  /** The kernel's clocksource. */
  readonly clock: string;
  /** Since the boot. Default: since this process began. */
  readonly uptimeMs?: () => number;
  readonly say?: Say;
  /** Default 5,000. */
  readonly heartbeatMs?: number;
}

export interface OpenReadyReporter extends ReadyReporter {
  readonly state: ReadyState;
  /** For the health port. */
  health(): HealthAnswer;
  /** Lets go without a last line. */
  close(): void;
}

// Given: docs/wire/ready.md, the supervisor's last second.
const finishTimeoutMs = 1_000;

/** Throws TypeError for a boot id that is none, ParseError READY_WORDS_KEY for a measured key that is none. */
export function createReadyReporter(options: ReadyReporterOptions): OpenReadyReporter {
  if (!isBootId(options.bootId)) {
    throw new TypeError(`bootId must be 32 hex digits, got ${JSON.stringify(options.bootId)}`);
  }
  return new Reporter(options);
}

interface QueuedWords {
  readonly service: string;
  readonly parts: readonly string[];
  sent: number;
}

class Reporter implements OpenReadyReporter {
  readonly #options: ReadyReporterOptions;
  readonly #say: Say;
  readonly #uptimeMs: () => number;
  readonly #dialler: LineDialler | undefined;
  readonly #heartbeat: NodeJS.Timeout;
  /** The lines of each service's words, in the order in which they failed. */
  readonly #words = new Map<string, readonly string[]>();
  #queue: QueuedWords[] = [];
  #wasOpen = false;
  #isStateUnsent = true;
  #finalLine: string | undefined;
  readonly #left = Promise.withResolvers<void>();
  #phase: Phase = 'booting';
  #reasons: readonly ReadyReason[] = [];
  #configSha384: string | undefined;

  constructor(options: ReadyReporterOptions) {
    this.#options = options;
    this.#say = options.say ?? (() => {});
    this.#uptimeMs = options.uptimeMs ?? (() => performance.now());
    if (options.image.lastWords === 'sealed') readWordsKey(options.image.lastWordsKey ?? '');
    this.#dialler = this.#openDialler();
    this.#heartbeat = setInterval(() => this.#sendState(), options.heartbeatMs ?? READY_HEARTBEAT_MS).unref();
    this.#log('info', 'READY_STARTING', `boot ${options.bootId} begins`);
  }

  get state(): ReadyState {
    const { bootId, image, clock } = this.#options;
    const more = this.#reasons.length - MAX_READY_REASONS;
    return {
      v: 1,
      bootId,
      phase: this.#phase,
      uptimeMs: Math.max(0, Math.floor(this.#uptimeMs())),
      ...(this.#configSha384 === undefined ? {} : { configSha384: this.#configSha384 }),
      profile: image.profile,
      clock: /^[a-z0-9_-]{1,32}$/.test(clock) ? clock : 'unknown',
      reasons: this.#reasons.slice(0, MAX_READY_REASONS),
      ...(more > 0 ? { more } : {}),
    };
  }

  health(): HealthAnswer {
    const { bootId, phase, reasons } = this.state;
    return { status: statusOfPhase(phase), phase, reasons, bootId };
  }

  report(phase: Phase, reasons: readonly ReadyReason[]): void {
    if (this.#finalLine !== undefined) return;
    this.#phase = phase;
    this.#reasons = reasons.map(sendable);
    const why = reasons.length === 0 ? '' : `: ${reasons.map(formatReason).join(', ')}`;
    this.#log(phase === 'failed' || phase === 'degraded' ? 'warn' : 'info', 'READY_PHASE', `${phase}${why}`);
    this.#sendState();
  }

  configTaken(sha384: string): void {
    if (!/^[0-9a-f]{96}$/.test(sha384)) throw new TypeError(`config SHA-384 must be 96 hex digits, got ${sha384}`);
    this.#configSha384 = sha384;
    this.#sendState();
  }

  lastWords(service: string, lines: readonly string[]): void {
    const known = this.#words.has(service);
    if (!isNameOfService(service) || (!known && this.#words.size >= MAX_WORDS_SERVICES)) return;
    const parts = this.#partsOf(service, boundWords(lines));
    if (parts.length === 0) return;
    this.#words.set(service, parts);
    // Words that the host has begun to receive must be completed; words of this service that were not begun are replaced by the newer ones.
    this.#queue = this.#queue.filter((one) => one.service !== service || one.sent > 0);
    this.#queue.push({ service, parts, sent: 0 });
    this.#flush();
  }

  async finish(exit: number, code: ReasonCode): Promise<void> {
    if (this.#finalLine !== undefined) return await this.#left.promise;
    clearInterval(this.#heartbeat);
    this.#finalLine = formatReadyLine({ v: 1, final: true, exit: exit & 255, code });
    this.#log('info', 'READY_EXITED', `boot ${this.#options.bootId} ends with ${exit & 255}, ${code}`);
    if (this.#dialler === undefined) this.#left.resolve();
    const timer = setTimeout(() => this.#left.resolve(), finishTimeoutMs);
    this.#dialler?.hurry();
    this.#flush();
    // The host closes when it has read the last line; that is the proof that it has left, and a second is all it gets.
    await this.#left.promise;
    clearTimeout(timer);
    this.#dialler?.close();
  }

  close(): void {
    clearInterval(this.#heartbeat);
    this.#dialler?.close();
    this.#left.resolve();
  }

  /** No CID of an enclave, no line: a program that is tried out on a host still has a health port. */
  #openDialler(): LineDialler | undefined {
    const { transport } = this.#options;
    try {
      const target = { cid: CID_PARENT, port: hostPort(transport.localCid, 0) };
      return new LineDialler({
        transport,
        target,
        onOpen: () => this.#sayAgain(),
        onRoom: () => this.#flush(),
        onLost: () => this.#leaveIf(true),
        // A host that never listened is not waited for; one that did may be between two processes.
        onFailed: () => this.#leaveIf(!this.#wasOpen),
      });
    } catch (error) {
      this.#log('warn', 'READY_NO_LINE', `no ready line: ${error instanceof Error ? error.message : String(error)}`);
      return undefined;
    }
  }

  #partsOf(service: string, lines: readonly string[]): readonly string[] {
    const { image, bootId } = this.#options;
    if (lines.length === 0) return [];
    if (image.lastWords === 'sealed') {
      const key = readWordsKey(image.lastWordsKey ?? '');
      return cutBox(service, sealLastWords({ bootId, service, lines }, key)).map(formatReadyLine);
    }
    return image.profile === 'development' ? cutLines(service, lines).map(formatReadyLine) : [];
  }

  #sayAgain(): void {
    this.#wasOpen = true;
    this.#isStateUnsent = true;
    this.#queue = [...this.#words].map(([service, parts]) => ({ service, parts, sent: 0 }));
    this.#flush();
  }

  #sendState(): void {
    this.#isStateUnsent = true;
    this.#flush();
  }

  /** The state first, then words, the last line last; each only while there is room. */
  #flush(): void {
    const socket = this.#dialler?.writable;
    if (socket === undefined || socket.writableEnded) return;
    if (this.#isStateUnsent) {
      this.#isStateUnsent = false;
      socket.write(formatReadyLine(this.state));
    }
    for (let first = this.#queue[0]; first !== undefined && !socket.writableNeedDrain; first = this.#queue[0]) {
      socket.write(first.parts[first.sent] ?? '');
      first.sent += 1;
      if (first.sent >= first.parts.length) this.#queue.shift();
    }
    if (this.#finalLine !== undefined && this.#queue.length === 0) socket.end(this.#finalLine);
  }

  #leaveIf(isOver: boolean): void {
    if (isOver && this.#finalLine !== undefined) this.#left.resolve();
  }

  #log(level: 'info' | 'warn', code: string, message: string): void {
    const { bootId } = this.#options;
    this.#say({ level, code, message: `[ready] ${message}`, fields: { bootId, phase: this.#phase } });
  }
}

/** Drops what the line may not carry: one invalid name would make the host refuse the whole state. */
function sendable({ code, service, exit, signal }: ReadyReason): ReadyReason {
  return {
    code,
    ...(isNameOfService(service) ? { service } : {}),
    ...(exit === undefined ? {} : { exit: exit & 255 }),
    ...(signal !== undefined && signal >= 1 && signal <= 64 ? { signal } : {}),
  };
}

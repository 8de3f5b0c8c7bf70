// The life of one accepted connection in the JS data plane: dialling -> relaying -> closed. While the far side is being
// dialled the accepted side is read into its own bounded buffer (64 KiB), so that a client that gives up is noticed and
// does not hold a place under the cap.
import type { Socket } from 'node:net';
import { CaissonError, PolicyError } from '@caisson/core/errors';
import type { BridgePeer } from './event.ts';
import { type Relay, relayStreams } from './relay.ts';
import { abortEnd, type StreamEnd } from './stream-end.ts';

export interface JsConnectionEnd {
  readonly dialled: boolean;
  /** Set when policy forbade the far side. */
  readonly refusal: string | undefined;
  readonly durationMs: number;
  readonly forwardBytes: number;
  readonly backwardBytes: number;
  readonly forwardError: string | undefined;
  readonly backwardError: string | undefined;
}

export class JsConnection {
  readonly id: number;
  readonly peer: BridgePeer | undefined;
  /** As the limits were when it was accepted; 0 = never. */
  readonly idleTimeoutMs: number;
  readonly #accepted: StreamEnd;
  readonly #startedMs = performance.now();
  readonly #dialling = new AbortController();
  #relay: Relay | undefined;

  constructor(id: number, peer: BridgePeer | undefined, accepted: StreamEnd, idleTimeoutMs: number) {
    this.id = id;
    this.idleTimeoutMs = idleTimeoutMs;
    this.peer = peer;
    this.#accepted = accepted;
  }

  get forwardBytes(): number {
    return this.#relay?.forward.bytes ?? 0;
  }

  get backwardBytes(): number {
    return this.#relay?.backward.bytes ?? 0;
  }

  /** Resolves when both ends are closed; never rejects. */
  async run(
    dial: (signal: AbortSignal) => Promise<Socket>,
    farSide: { readonly canReset: boolean; readonly timeoutMs: number },
  ): Promise<JsConnectionEnd> {
    const { socket } = this.#accepted;
    const giveUp = (error?: NodeJS.ErrnoException): void => this.abort(error?.code ?? 'ECONNABORTED');
    const lost = (): void => giveUp();
    socket.on('error', giveUp).on('close', lost);
    const timer = setTimeout(() => this.abort('dial timeout'), farSide.timeoutMs);
    // Starts reading without consuming.
    socket.read(0);
    try {
      const dialled = { socket: await dial(this.#dialling.signal), canReset: farSide.canReset };
      clearTimeout(timer);
      // Two callers may have ended it in the same tick.
      if (this.#dialling.signal.aborted) abortEnd(dialled);
      this.#dialling.signal.throwIfAborted();
      socket.off('error', giveUp).off('close', lost);
      await new Promise<void>((closed) => {
        this.#relay = relayStreams(this.#accepted, dialled, closed);
      });
      return this.#ended(undefined);
    } catch (error) {
      clearTimeout(timer);
      abortEnd(this.#accepted);
      return this.#ended(error);
    }
  }

  abort(reason: string): void {
    if (this.#relay === undefined) this.#dialling.abort(new Error(reason));
    else this.#relay.abort(reason);
  }

  /** True when every direction that is still open has moved nothing for the idle time-out. */
  isIdle(): boolean {
    if (this.#relay === undefined || this.idleTimeoutMs === 0) return false;
    const { forward, backward } = this.#relay;
    const stale = performance.now() - this.idleTimeoutMs;
    return [forward, backward].every((flow) => !flow.open || flow.movedAtMs <= stale);
  }

  #ended(error: unknown): JsConnectionEnd {
    const relay = this.#relay;
    const notDialled = relay === undefined ? textOf(error) : undefined;
    return {
      dialled: relay !== undefined,
      refusal: error instanceof PolicyError ? error.message : undefined,
      durationMs: performance.now() - this.#startedMs,
      forwardBytes: this.forwardBytes,
      backwardBytes: this.backwardBytes,
      forwardError: notDialled ?? relay?.forward.error,
      backwardError: notDialled ?? relay?.backward.error,
    };
  }
}

function textOf(error: unknown): string {
  const { code, message } = error as NodeJS.ErrnoException;
  // Ours read as sentences; the system's are known by their names.
  return error instanceof CaissonError || code === undefined ? message : code;
}

// The enclave's end of the ready line as a connection that comes back: dial, hold, notice the end, wait longer each time, dial again. Who
// listens is the parent's affair, and perhaps nobody does, so nothing here is awaited by the supervisor and no timer keeps it alive.
//
//            dial ok            end, error, close
//  dialling ─────────► open ─────────────────────► waiting ──(delay)──► dialling
//      └──────────────── refused, late ──────────────▲
import type { Socket } from 'node:net';
import type { Cid, VsockPort } from '@caisson/core/address';
import type { Transport } from '../transport/transport.ts';

export interface LineDiallerOptions {
  readonly transport: Transport;
  readonly target: { readonly cid: Cid; readonly port: VsockPort };
  /** A new connection: everything must be said again. */
  onOpen(): void;
  /** The kernel has room again. */
  onRoom(): void;
  onLost(): void;
  /** A dial came to nothing. */
  onFailed(): void;
}

// Chosen. A host whose shim restarts is back within the first steps; one that has none costs a dial every five seconds.
const firstDelayMs = 100;
const longestDelayMs = 5_000;
const dialTimeoutMs = 2_000;
/** A connection that lived so long was a real one: the next is dialled at once. */
const provenMs = 5_000;

export class LineDialler {
  readonly #options: LineDiallerOptions;
  #socket: Socket | undefined;
  #timer: NodeJS.Timeout | undefined;
  #delayMs = firstDelayMs;
  #closed = false;

  constructor(options: LineDiallerOptions) {
    this.#options = options;
    void this.#dial();
  }

  /** The open connection that has room for more; undefined otherwise, and then one of the callbacks will tell. */
  get writable(): Socket | undefined {
    return this.#socket === undefined || this.#socket.writableNeedDrain ? undefined : this.#socket;
  }

  /** Dials now if it waits to. */
  hurry(): void {
    if (this.#timer === undefined) return;
    clearTimeout(this.#timer);
    void this.#dial();
  }

  close(): void {
    this.#closed = true;
    clearTimeout(this.#timer);
    this.#socket?.destroy();
  }

  async #dial(): Promise<void> {
    this.#timer = undefined;
    const { transport, target } = this.#options;
    try {
      const socket = await transport.connect(target, { timeoutMs: dialTimeoutMs });
      if (this.#closed) socket.destroy();
      else this.#hold(socket);
    } catch {
      this.#options.onFailed();
      this.#wait();
    }
  }

  #hold(socket: Socket): void {
    const openedAtMs = performance.now();
    this.#socket = socket;
    socket
      .on('error', () => {})
      .on('drain', () => this.#options.onRoom())
      // The host says nothing on this line; whatever it sends is read only to notice its end.
      .on('end', () => socket.destroy())
      .on('close', () => {
        this.#socket = undefined;
        if (performance.now() - openedAtMs >= provenMs) this.#delayMs = firstDelayMs;
        this.#options.onLost();
        this.#wait();
      })
      .resume();
    socket.unref();
    this.#options.onOpen();
  }

  #wait(): void {
    if (this.#closed) return;
    // Jitter: all enclaves of a host lose its shim at once when the host restarts it.
    this.#timer = setTimeout(() => void this.#dial(), this.#delayMs * (0.5 + Math.random() / 2)).unref();
    this.#delayMs = Math.min(this.#delayMs * 2, longestDelayMs);
  }
}

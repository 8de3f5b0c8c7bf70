// Two ends of a stream in memory that, like those of a socket, never hear each other within a call of their own: node:stream's own pair delivers in
// the middle of a write, which no kernel does.
import { Duplex } from 'node:stream';

/** What a test may do to bytes on their way: pass them on, changed, late, or not at all. */
export type Tamper = (bytes: Buffer, pass: (bytes: Buffer) => void) => void;

class WireEnd extends Duplex {
  peer!: WireEnd;
  readonly #tamper: Tamper | undefined;
  #taken: (() => void) | undefined;
  #isEnded = false;

  constructor(tamper: Tamper | undefined) {
    super({ allowHalfOpen: true });
    this.#tamper = tamper;
  }

  override _read(): void {
    const taken = this.#taken;
    this.#taken = undefined;
    taken?.();
  }

  override _write(chunk: Buffer, _encoding: BufferEncoding, done: () => void): void {
    setImmediate(() => {
      if (this.#tamper === undefined) {
        this.peer.#deliver(chunk, done);
        return;
      }
      this.#tamper(chunk, (bytes) => this.peer.#deliver(bytes, () => {}));
      done();
    });
  }

  override _final(done: () => void): void {
    setImmediate(() => {
      this.peer.#end();
      done();
    });
  }

  override _destroy(error: Error | null, done: (error: Error | null) => void): void {
    // A reset reads as an end on a vsock.
    setImmediate(() => {
      this.peer.#end();
      setImmediate(() => this.peer.destroy());
    });
    this.#taken?.();
    done(error);
  }

  #end(): void {
    if (!this.destroyed && !this.#isEnded) this.push(null);
    this.#isEnded = true;
  }

  #deliver(bytes: Buffer, done: () => void): void {
    const isOver = this.destroyed || this.#isEnded;
    if (isOver || this.push(bytes)) done();
    else this.#taken = done;
  }
}

/** `tamper[0]` is for bytes of the first end, `tamper[1]` for those of the second. */
export function createWire(
  tamper: readonly [(Tamper | undefined)?, (Tamper | undefined)?] = [],
): readonly [Duplex, Duplex] {
  const [near, far] = [new WireEnd(tamper[0]), new WireEnd(tamper[1])];
  near.peer = far;
  far.peer = near;
  return [near, far];
}

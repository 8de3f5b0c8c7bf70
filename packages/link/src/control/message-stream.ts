// The few messages before the channel, on a stream that then belongs to the channel: no byte is read beyond what has been asked for, and what
// came along with the last message is given back.
import type { Duplex } from 'node:stream';
import { CaissonError, LimitError } from '@caisson/core/errors';
import { FrameReader } from '@caisson/core/frame';
import type { ControlErrorCode } from './error-code.ts';
import { type ControlMessage, encodeControlMessage, parseControlMessage } from './messages.ts';

export class MessageStream {
  readonly #stream: Duplex;
  readonly #reader: FrameReader;
  readonly #deadlineMs: number;

  /** `deadlineMs`: performance.now() by which every message must be here. */
  constructor(stream: Duplex, options: { readonly maxBytes: number; readonly deadlineMs: number }) {
    this.#stream = stream;
    this.#reader = new FrameReader({ maxBytes: options.maxBytes, name: 'control message' });
    this.#deadlineMs = options.deadlineMs;
  }

  send(message: ControlMessage): void {
    this.#stream.write(encodeControlMessage(message));
  }

  /** Rejects CONTROL_TIMEOUT, CONTROL_CLOSED, CONTROL_MESSAGE, FRAME_TOO_LARGE. */
  next(): Promise<ControlMessage> {
    const stream = this.#stream;
    return new Promise((resolve, reject) => {
      const timer = setTimeout(
        () => settle(() => reject(this.#late())),
        Math.max(0, this.#deadlineMs - performance.now()),
      );
      const settle = (act: () => void): void => {
        clearTimeout(timer);
        stream.off('readable', look).off('close', onClose).off('end', onClose);
        act();
      };
      const onClose = (): void => settle(() => reject(closed()));
      const look = (): void => {
        try {
          for (;;) {
            const frame = this.#reader.next();
            if (frame !== undefined) {
              const message = parseControlMessage(frame);
              settle(() => resolve(message));
              return;
            }
            const chunk = stream.read() as Uint8Array | null;
            if (chunk === null) return;
            this.#reader.push(chunk);
          }
        } catch (error) {
          settle(() => reject(error as Error));
        }
      };
      stream.on('readable', look).once('close', onClose).once('end', onClose);
      look();
      if (stream.destroyed || stream.readableEnded) onClose();
    });
  }

  /** The stream goes on in another form. */
  release(): Duplex {
    const rest = this.#reader.takeRest();
    if (rest.length > 0) this.#stream.unshift(rest);
    return this.#stream;
  }

  #late(): LimitError<ControlErrorCode> {
    return new LimitError('CONTROL_TIMEOUT', 'control handshake must end in its time, got no message');
  }
}

function closed(): CaissonError<ControlErrorCode> {
  return new CaissonError('CONTROL_CLOSED', 'control session must open, got closed by the other end', {
    hint: 'the enclave may be full, or may have ended: see its ready line',
  });
}

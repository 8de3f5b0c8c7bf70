// One caller of an NSM socket, from accept to close: a frame, the device's answer, the next frame. While the device works
// nothing more is read, so a caller who pipelines waits in the kernel's buffer and not in this process.
//
// waiting -- first byte --> reading -- frame complete --> asking -- answer --> writing --> waiting
// Each state but asking has a deadline of this file (the device has its own); a late caller is cut off alone.
import type { Socket } from 'node:net';
import { encodeFrame, FrameReader } from '@caisson/core/frame';
import { encodeNsmResponse, type NsmErrorName } from '@caisson/core/nitro';
import type { NsmDevice } from '@caisson/sys';
import { createNsmSocketError, requestFrame } from './messages.ts';

export interface ConnectionLimits {
  /** Between requests; 0 is for ever. */
  readonly idleTimeoutMs: number;
  /** From the first byte of a frame to its last, and for an answer to be taken. */
  readonly frameTimeoutMs: number;
}

/** Serves until the caller ends; then `socket` is closed. Rejects with what ended it early. Never throws otherwise. */
export async function serveConnection(
  socket: Socket,
  path: string,
  device: NsmDevice,
  limits: ConnectionLimits,
): Promise<void> {
  const closed = new Promise<void>((resolve) => socket.once('close', () => resolve()));
  // After the last read nobody else listens: an answer that meets a dead caller must not end the process.
  socket.on('error', () => {});
  const deadline = new Deadline(socket, path);
  const reader = new FrameReader(requestFrame);
  try {
    deadline.set(limits.idleTimeoutMs, 'no request');
    for await (const chunk of socket.iterator({ destroyOnReturn: false })) {
      const before = reader.pendingBytes;
      reader.push(chunk as Uint8Array);
      let complete = false;
      for (let request = reader.next(); request !== undefined; request = reader.next()) {
        complete = true;
        deadline.clear();
        const answer = await askDevice(device, request);
        deadline.set(limits.frameTimeoutMs, 'an answer was not taken');
        await write(socket, answer);
        deadline.clear();
        // What a caller who is gone still wanted must not occupy the device.
        if (socket.destroyed) break;
      }
      if (reader.pendingBytes === 0) deadline.set(limits.idleTimeoutMs, 'no request');
      // Only the first bytes of a frame start its time: one byte a second must not keep it going.
      else if (complete || before === 0) deadline.set(limits.frameTimeoutMs, 'a request was begun and not finished');
    }
    reader.end();
    deadline.set(limits.frameTimeoutMs, 'the last answers were not taken');
    socket.end();
    await closed;
  } catch (cause) {
    const { message } = cause as Error;
    throw deadline.expired ?? createNsmSocketError('ECONNRESET', 'read', path, message, cause);
  } finally {
    deadline.clear();
    socket.destroy();
  }
}

/** The device's answer, or the one that the AWS library makes of a device's failure. */
async function askDevice(device: NsmDevice, request: Uint8Array): Promise<Uint8Array> {
  try {
    return await device.request(request);
  } catch (error) {
    const name: NsmErrorName = (error as NodeJS.ErrnoException).code === 'EMSGSIZE' ? 'InputTooLarge' : 'InternalError';
    return encodeNsmResponse({ type: 'Error', error: name });
  }
}

/** Resolves when the kernel has room again, or when there is nobody to write to. */
async function write(socket: Socket, answer: Uint8Array): Promise<void> {
  if (socket.destroyed || socket.write(encodeFrame(answer))) return;
  await new Promise<void>((resolve) => {
    const done = (): void => {
      socket.off('drain', done).off('close', done);
      resolve();
    };
    socket.on('drain', done).on('close', done);
  });
}

/** At most one running at a time; an expired one destroys the socket, which ends the read or the write that waits. */
class Deadline {
  readonly #socket: Socket;
  readonly #path: string;
  #timer: NodeJS.Timeout | undefined;
  expired: Error | undefined;

  constructor(socket: Socket, path: string) {
    this.#socket = socket;
    this.#path = path;
  }

  set(timeoutMs: number, what: string): void {
    clearTimeout(this.#timer);
    if (timeoutMs === 0) return;
    this.#timer = setTimeout(() => {
      this.expired = createNsmSocketError('ETIMEDOUT', 'read', this.#path, `${what} within ${timeoutMs} ms`);
      this.#socket.destroy(this.expired);
    }, timeoutMs);
  }

  clear(): void {
    clearTimeout(this.#timer);
  }
}

// The way that everybody writes first, and that gave this channel its reason: a header in a write, a body in a write, and a wait for the
// answer. Both ends, for comparison only.
import type { Duplex } from 'node:stream';
import { readUint32, writeUint32 } from '@caisson/core/frame';
import { maxReplyBytes, NAIVE_MARK } from './messages.ts';

const headerBytes = 4;

/** Gives every message back. `first` is what was read already. */
export function serveNaive(duplex: Duplex, first: Uint8Array): void {
  const answer = splitter((body) => send(duplex, body));
  duplex.on('error', () => {}).on('end', () => duplex.end());
  duplex.on('data', answer);
  answer(first);
}

export interface NaiveClient {
  /** Resolves with the answer; one at a time. */
  request(body: Uint8Array): Promise<Uint8Array>;
  close(): void;
}

export function openNaive(duplex: Duplex): NaiveClient {
  let waiting: { readonly resolve: (body: Uint8Array) => void; readonly reject: (error: Error) => void } | undefined;
  duplex.on(
    'data',
    splitter((body) => waiting?.resolve(body)),
  );
  const lost = (): void => waiting?.reject(new Error('the connection ended before an answer'));
  duplex.on('error', lost).on('close', lost);
  return {
    request(body) {
      return new Promise((resolve, reject) => {
        waiting = { resolve, reject };
        send(duplex, body);
      });
    },
    close: () => void duplex.destroy(),
  };
}

/** A body that begins as the server knows this way by. */
export function naiveBody(bytes: number): Uint8Array {
  return new Uint8Array(Math.max(1, bytes)).fill(NAIVE_MARK);
}

function send(duplex: Duplex, body: Uint8Array): void {
  const header = new Uint8Array(headerBytes);
  writeUint32(header, 0, body.length);
  duplex.write(header);
  duplex.write(body);
}

function splitter(take: (body: Uint8Array) => void): (chunk: Uint8Array) => void {
  let held: Uint8Array = new Uint8Array();
  return (chunk) => {
    held = held.length === 0 ? chunk : Buffer.concat([held, chunk]);
    while (held.length >= headerBytes) {
      const end = headerBytes + Math.min(readUint32(held, 0), maxReplyBytes);
      if (held.length < end) return;
      take(held.subarray(headerBytes, end));
      held = held.subarray(end);
    }
  };
}

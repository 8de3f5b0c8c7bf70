// Hashes on a thread of its own what the builder's thread reads and writes: two thirds of a build are SHA-384, and most machines have a
// second core. The bytes lie in slabs of shared memory; only their numbers travel, and a slab is used again once it was hashed.
import { Worker } from 'node:worker_threads';

/** Bytes `from`..`to` of a slab, and the numbers of the hashes they belong to. */
export interface HashSpan {
  readonly from: number;
  readonly to: number;
  readonly hashes: readonly number[];
}

export interface HashLane {
  readonly slabs: readonly Uint8Array[];
  /** Resolves when slab `index`, of which `length` bytes count, was hashed. */
  hash(index: number, length: number, spans: readonly HashSpan[]): Promise<void>;
  /** SHA-384 of each hash, and the CRC-32 of everything. */
  finish(): Promise<{ digests: Uint8Array[]; crc: number }>;
  /** Ends the thread, whatever it does. */
  close(): Promise<void>;
}

// Chosen.
export const slabBytes = 1_048_576;
const slabCount = 6;

type Question =
  | { readonly index: number; readonly length: number; readonly spans: readonly HashSpan[] }
  | { readonly finish: true };

export function createHashLane(hashes: number): HashLane {
  const memory = new SharedArrayBuffer(slabBytes * slabCount);
  const slabs = Array.from({ length: slabCount }, (_, index) => new Uint8Array(memory, index * slabBytes, slabBytes));
  // Started from its source text, because a bundle of one file has no second file to start a worker from.
  const worker = new Worker(`(${runLane})()`, { eval: true, workerData: { memory, slabBytes, hashes } });
  const waiting: { resolve(answer: unknown): void; reject(error: Error): void }[] = [];
  const fail = (error: Error): void => {
    for (const one of waiting.splice(0)) one.reject(error);
  };
  worker.on('message', (answer) => waiting.shift()?.resolve(answer));
  worker.on('error', fail);
  worker.on('exit', () => fail(new Error('the hashing thread ended early')));
  const ask = (question: Question): Promise<unknown> =>
    new Promise((resolve, reject) => {
      waiting.push({ resolve, reject });
      worker.postMessage(question);
    });
  return {
    slabs,
    hash: async (index, length, spans) => void (await ask({ index, length, spans })),
    finish: async () => (await ask({ finish: true })) as { digests: Uint8Array[]; crc: number },
    close: async () => void (await worker.terminate()),
  };
}

/** Runs in the thread, from its text alone: it may name nothing of this file but types. */
function runLane(): void {
  const { parentPort, workerData } = process.getBuiltinModule('node:worker_threads');
  const { createHash } = process.getBuiltinModule('node:crypto');
  const { crc32 } = process.getBuiltinModule('node:zlib');
  const known = workerData as { memory: SharedArrayBuffer; slabBytes: number; hashes: number };
  const running = Array.from({ length: known.hashes }, () => createHash('sha384'));
  let crc = 0;
  parentPort!.on('message', (question: Question) => {
    if ('finish' in question) {
      parentPort!.postMessage({ digests: running.map((hash) => new Uint8Array(hash.digest())), crc });
      return;
    }
    const start = question.index * known.slabBytes;
    crc = crc32(new Uint8Array(known.memory, start, question.length), crc);
    for (const { from, to, hashes } of question.spans) {
      const bytes = new Uint8Array(known.memory, start + from, to - from);
      for (const number of hashes) running[number]!.update(bytes);
    }
    parentPort!.postMessage(null);
  });
}

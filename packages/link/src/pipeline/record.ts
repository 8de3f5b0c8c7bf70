// Records in a stream (docs/wire/pipeline.md): u8 type, u24 BE length, body. Small ones are gathered into one write, because 20,000 small
// files would else be 80,000 messages; the bytes of great ones are passed on as they come, so that nothing is held for a length that
// has not arrived.
import { CaissonError, ParseError } from '@caisson/core/errors';
import type { PipelineErrorCode } from './error-code.ts';
import type { ByteStream } from './stream.ts';

// Given: docs/wire/pipeline.md.
export const recordType = {
  // copying
  entry: 1,
  data: 2,
  hole: 3,
  endOfFile: 4,
  done: 5,
  have: 6,
  result: 7,
  // commands
  standardInput: 16,
  standardOutput: 17,
  standardError: 18,
  credit: 19,
  resize: 20,
  signal: 21,
  ended: 22,
} as const;
const recordHeaderBytes = 4;
export const MAX_DATA_BYTES = 1 << 20;
/** Of every record whose body is read whole. */
export const MAX_RECORD_BYTES = 16_384;

/** Bodies of these are given in pieces. */
const streamed: ReadonlySet<number> = new Set([
  recordType.data,
  recordType.standardInput,
  recordType.standardOutput,
  recordType.standardError,
]);
const known: ReadonlySet<number> = new Set(Object.values(recordType));

// Chosen: a chunk of the channel, so that what was gathered is one frame.
const gatherBytes = 32_768;
const copyBelowBytes = 8_192;

export interface RecordPiece {
  readonly type: number;
  /** The whole body, or the next piece of one that is passed on as it comes. */
  readonly body: Uint8Array;
  /** More of the same record follows. */
  readonly more: boolean;
}

export class RecordReader {
  readonly #chunks: AsyncIterator<Uint8Array>;
  #chunk: Uint8Array = new Uint8Array();
  #at = 0;
  #type = 0;
  #left = 0;

  constructor(stream: AsyncIterable<Uint8Array>) {
    this.#chunks = stream[Symbol.asyncIterator]();
  }

  /** undefined: the stream has ended between two records. Rejects PIPELINE_LOST within one, ParseError PIPELINE_RECORD. */
  next(): Promise<RecordPiece | undefined> | RecordPiece {
    return this.#take() ?? this.#nextSlowly();
  }

  /** Throws PIPELINE_LOST for an end, ParseError PIPELINE_RECORD for another type. */
  async expect(type: number): Promise<Uint8Array> {
    const piece = await this.next();
    if (piece === undefined) throw lost();
    if (piece.type !== type || piece.more) throw recordFault(`type ${type}`, `type ${piece.type}`);
    return piece.body;
  }

  async #nextSlowly(): Promise<RecordPiece | undefined> {
    for (;;) {
      if (!(await this.#refill())) return undefined;
      const piece = this.#take();
      if (piece !== undefined) return piece;
    }
  }

  /** What is there without waiting. */
  #take(): RecordPiece | undefined {
    const available = this.#chunk.length - this.#at;
    if (this.#left > 0) {
      if (available === 0) return undefined;
      return this.#piece(Math.min(available, this.#left));
    }
    if (available < recordHeaderBytes) return undefined;
    const type = this.#chunk[this.#at]!;
    const length = (this.#chunk[this.#at + 1]! << 16) | (this.#chunk[this.#at + 2]! << 8) | this.#chunk[this.#at + 3]!;
    if (!known.has(type)) throw recordFault('a type of docs/wire/pipeline.md', `type ${type}`);
    const most = streamed.has(type) ? MAX_DATA_BYTES : MAX_RECORD_BYTES;
    if (length > most) throw recordFault(`at most ${most} bytes`, `${length}`);
    if (!streamed.has(type) || length === 0) {
      if (available < recordHeaderBytes + length) return undefined;
      const start = this.#at + recordHeaderBytes;
      this.#at = start + length;
      return { type, body: this.#chunk.subarray(start, this.#at), more: false };
    }
    this.#at += recordHeaderBytes;
    this.#type = type;
    this.#left = length;
    return this.#chunk.length === this.#at ? undefined : this.#piece(Math.min(this.#chunk.length - this.#at, length));
  }

  #piece(bytes: number): RecordPiece {
    const body = this.#chunk.subarray(this.#at, this.#at + bytes);
    this.#at += bytes;
    this.#left -= bytes;
    return { type: this.#type, body, more: this.#left > 0 };
  }

  /** False: the stream has ended, and nothing was under way. */
  async #refill(): Promise<boolean> {
    const { done, value } = await this.#chunks.next();
    const rest = this.#chunk.subarray(this.#at);
    if (done === true) {
      if (rest.length > 0 || this.#left > 0) throw lost();
      return false;
    }
    // What is kept is less than a header and a record that is read whole.
    this.#chunk = rest.length === 0 ? value : Buffer.concat([rest, value]);
    this.#at = 0;
    return true;
  }
}

export class RecordWriter {
  readonly #stream: ByteStream;
  #buffer = Buffer.allocUnsafeSlow(gatherBytes);
  #used = 0;
  #pending: Promise<void> = Promise.resolve();
  #error: unknown;

  constructor(stream: ByteStream) {
    this.#stream = stream;
  }

  /** Gathers; the bytes are copied when they are few and given away when they are not. Resolve `ready` from time to time. */
  put(type: number, body: Uint8Array): void {
    const isSmall = body.length < copyBelowBytes;
    const needed = recordHeaderBytes + (isSmall ? body.length : 0);
    if (this.#used + needed > gatherBytes) this.flush();
    const { length } = body;
    const buffer = this.#buffer;
    buffer[this.#used] = type;
    buffer[this.#used + 1] = length >>> 16;
    buffer[this.#used + 2] = length >>> 8;
    buffer[this.#used + 3] = length;
    this.#used += recordHeaderBytes;
    if (isSmall) {
      buffer.set(body, this.#used);
      this.#used += length;
    } else {
      this.flush();
      this.#send(body);
    }
  }

  flush(): void {
    if (this.#used === 0) return;
    const bytes = this.#buffer.subarray(0, this.#used);
    this.#used = 0;
    this.#buffer = Buffer.allocUnsafeSlow(gatherBytes);
    this.#send(bytes);
  }

  /** Resolves when everything that was flushed has left. Rejects with what has ended the stream. */
  async ready(): Promise<void> {
    await this.#pending;
    if (this.#error !== undefined) throw this.#error;
  }

  /** Writes what was gathered together with the end, because the other end may leave once it has read the last record. */
  async end(): Promise<void> {
    const bytes = this.#buffer.subarray(0, this.#used);
    this.#used = 0;
    await Promise.all([this.ready(), this.#stream.end(bytes)]);
  }

  #send(bytes: Uint8Array): void {
    this.#pending = this.#stream.write(bytes).catch((error: unknown) => {
      this.#error ??= error;
    });
  }
}

export function recordFault(rule: string, got: string): ParseError<PipelineErrorCode> {
  return new ParseError('PIPELINE_RECORD', `record must have ${rule}, got ${got}`);
}

export function lost(): CaissonError<PipelineErrorCode> {
  return new CaissonError('PIPELINE_LOST', 'the stream must end after its last record, got an end before it');
}

/** A number in 8 bytes, for lengths above 4 GiB. */
export function encodeUint64(value: number): Uint8Array {
  const bytes = Buffer.alloc(8);
  bytes.writeBigUInt64BE(BigInt(value));
  return bytes;
}

/** Throws ParseError PIPELINE_RECORD for another length, and for what no length of a file can be. */
export function parseUint64(bytes: Uint8Array): number {
  const value = bytes.length === 8 ? new DataView(bytes.buffer, bytes.byteOffset, 8).getBigUint64(0) : 2n ** 64n;
  if (value <= BigInt(Number.MAX_SAFE_INTEGER)) return Number(value);
  throw recordFault('8 bytes with a number below 2^53', `${bytes.length} bytes`);
}

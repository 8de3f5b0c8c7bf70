// The sending half: frames of one turn of the event loop are copied into a slab and leave in one write; great payloads are not copied but
// written beside it (writev). On vsock each write costs an exit of the virtual machine, so the number of writes, not of bytes, is
// what small messages pay for.
//
// While the socket holds a write, frames gather in the next slab: batches form by themselves when the socket is the slow part, and
// no timer delays anything when it is not.
import { Socket } from 'node:net';
import type { Duplex } from 'node:stream';
import {
  crc32c,
  MESSAGE_CRC_BYTES,
  MESSAGE_FLAG_CRC,
  MESSAGE_FLAG_LAST,
  MESSAGE_HEADER_BYTES,
  writeMessageHeader,
  writeUint32,
} from '@caisson/core/frame';
import { connectionId, frameType } from './messages.ts';
import { paddingOf } from './pad.ts';
import { bucketOf, type Counters } from './stats.ts';

// Chosen.
const firstSlabBytes = 4_096;
const greatestSlabBytes = 262_144;
const keptSlabs = 4;
// Measured (docs/vsock-speed.md): written beside the slab, 8 KiB cost a tenth less of the processor and 4 KiB nothing less. Chosen above
// that: what is copied is its owner's again at once.
const copyBelowBytes = 16_384;
// One padding frame is at most this; a greater gap takes several.
const paddingFrameBytes = 32_768;

const nothing = new Uint8Array();

export interface WriterOptions {
  readonly duplex: Duplex;
  readonly counters: Counters;
  readonly maxWriteBytes: number;
  readonly padTo: readonly number[];
  readonly writeTimeoutMs: number;
  /** The socket took nothing for `writeTimeoutMs`. */
  onStalled(): void;
  /** The socket has taken something. */
  onProgress(): void;
}

export class FrameWriter {
  readonly #options: WriterOptions;
  readonly #duplex: Duplex;
  readonly #counters: Counters;
  /** A socket has copied what it has taken; another kind of stream may hand the very bytes to its reader. */
  readonly #copies: boolean;
  readonly #pieces: Uint8Array[] = [];
  #slab = Buffer.allocUnsafeSlow(firstSlabBytes);
  /** Where the slab's bytes begin that no piece has yet, and where they end. */
  #sealed = 0;
  #end = 0;
  #queuedBytes = 0;
  /** Sums over the life of the connection: what was sealed, and what the socket has taken of it. */
  #sealedTotal = 0;
  #takenTotal = 0;
  /** Slabs whose bytes the socket may still read, the oldest first, and those that wait to be used again. */
  readonly #used: { readonly slab: Buffer<ArrayBuffer>; readonly endsAt: number }[] = [];
  readonly #free: Buffer<ArrayBuffer>[] = [];
  #newMessages = 0;
  #scheduled = false;
  #waitingSinceMs: number | undefined;
  #inFlightBytes = 0;
  #writesDone = 0;
  #watch: NodeJS.Timeout | undefined;
  #stopped = false;
  /** Whether frames carry a CRC from now on. */
  crc = false;
  /** Rises with each turn of the loop in which something was sent. */
  turns = 0;

  constructor(options: WriterOptions) {
    this.#options = options;
    this.#duplex = options.duplex;
    this.#copies = options.duplex instanceof Socket;
    this.#counters = options.counters;
  }

  /** Bytes that were given to this writer and not yet taken by the socket. */
  get backlogBytes(): number {
    return this.#queuedBytes + (this.#end - this.#sealed) + this.#inFlightBytes;
  }

  /** A payload below 16 KiB is copied now; a greater one must not change until the socket has taken it. */
  frame(type: number, last: boolean, id: number, payload: Uint8Array = nothing): void {
    this.#put(type, last, id, -1, payload);
  }

  /** The same with one byte before the payload: the type of a request. */
  request(last: boolean, id: number, kind: number, payload: Uint8Array): void {
    this.#put(frameType.request, last, id, kind, payload);
  }

  stop(): void {
    this.#stopped = true;
    this.#pieces.length = 0;
    this.#queuedBytes = 0;
    clearTimeout(this.#watch);
  }

  #put(type: number, last: boolean, id: number, kind: number, payload: Uint8Array): void {
    if (this.#stopped) return;
    const crc = this.crc && type !== frameType.hello;
    const flags = (last ? MESSAGE_FLAG_LAST : 0) | (crc ? MESSAGE_FLAG_CRC : 0);
    const kindBytes = kind < 0 ? 0 : 1;
    const payloadBytes = kindBytes + payload.length;
    const copied = payload.length < copyBelowBytes;
    const needed = MESSAGE_HEADER_BYTES + kindBytes + (copied ? payload.length : 0) + MESSAGE_CRC_BYTES;
    if (this.#end + needed > this.#slab.length) this.#newSlab(needed);
    const start = this.#end;
    const slab = this.#slab;
    writeMessageHeader(slab, start, type, flags, id, payloadBytes);
    if (kindBytes > 0) slab[start + MESSAGE_HEADER_BYTES] = kind;
    const head = start + MESSAGE_HEADER_BYTES + kindBytes;
    this.#end = head;
    if (copied) {
      if (payload.length > 0) slab.set(payload, head);
      this.#end = head + payload.length;
      if (crc) this.#crc(crc32c(slab, start + 4, this.#end));
    } else {
      const value = crc ? crc32c(payload, 0, payload.length, crc32c(slab, start + 4, head)) : 0;
      this.#seal();
      this.#piece(payload);
      if (crc) this.#crc(value);
    }
    this.#newMessages += 1;
    this.#counters.messagesSent += 1;
    this.#counters.messageBytes[bucketOf(payloadBytes)]! += 1;
    if (this.#scheduled) return;
    this.#scheduled = true;
    // Not nextTick: one turn of the loop reads up to 32 chunks, and the answers to all of them leave together. Where a write costs
    // 100 us this is 1.7 times as many messages; one that is alone waits for the end of the turn, a microsecond or two.
    setImmediate(flushTurn, this);
  }

  /** @internal Called once a turn, and again when the socket has taken what it held. */
  flush(): void {
    this.#scheduled = false;
    this.turns += 1;
    if (this.#waitingSinceMs !== undefined || this.#stopped) return;
    while (this.#end > this.#sealed || this.#pieces.length > 0) {
      if (this.#newMessages > 0 && this.#options.padTo.length > 0) this.#pad();
      this.#seal();
      this.#write();
      if (this.#stopped) return;
      if (this.#duplex.writableLength > 0) {
        this.#wait();
        return;
      }
      this.#taken();
    }
    if (this.#copies) {
      // The kernel has copied it all: the same slab serves the next turn.
      this.#sealed = 0;
      this.#end = 0;
    }
    this.#options.onProgress();
  }

  #crc(value: number): void {
    writeUint32(this.#slab, this.#end, value);
    this.#end += MESSAGE_CRC_BYTES;
  }

  #seal(): void {
    if (this.#end === this.#sealed) return;
    this.#piece(this.#slab.subarray(this.#sealed, this.#end));
    this.#sealed = this.#end;
  }

  #piece(bytes: Uint8Array): void {
    this.#pieces.push(bytes);
    this.#queuedBytes += bytes.length;
    this.#sealedTotal += bytes.length;
  }

  #newSlab(needed: number): void {
    this.#seal();
    this.#used.push({ slab: this.#slab, endsAt: this.#sealedTotal });
    // A quiet connection never pays for the slab of a busy one.
    const bytes = Math.min(Math.max(this.#slab.length * 2, 2 * needed), greatestSlabBytes);
    this.#slab = this.#free.pop() ?? Buffer.allocUnsafeSlow(bytes);
    this.#sealed = 0;
    this.#end = 0;
  }

  #taken(): void {
    this.#takenTotal += this.#inFlightBytes;
    this.#inFlightBytes = 0;
    for (let [oldest] = this.#used; oldest !== undefined && oldest.endsAt <= this.#takenTotal; [oldest] = this.#used) {
      this.#used.shift();
      if (this.#copies && oldest.slab.length === greatestSlabBytes && this.#free.length < keptSlabs)
        this.#free.push(oldest.slab);
    }
  }

  /** Sends pieces of together at most maxWriteBytes in one system call. */
  #write(): void {
    const { maxWriteBytes } = this.#options;
    const pieces = this.#pieces;
    let room = maxWriteBytes;
    const batch: Uint8Array[] = [];
    let taken = 0;
    while (room > 0 && taken < pieces.length) {
      const piece = pieces[taken]!;
      if (piece.length <= room) {
        batch.push(piece);
        room -= piece.length;
        taken += 1;
      } else {
        batch.push(piece.subarray(0, room));
        pieces[taken] = piece.subarray(room);
        room = 0;
      }
    }
    pieces.splice(0, taken);
    const bytes = maxWriteBytes - room;
    this.#queuedBytes -= bytes;
    this.#inFlightBytes = bytes;
    const counters = this.#counters;
    counters.writes += 1;
    counters.bytesSent += bytes;
    counters.writeBytes[bucketOf(bytes)]! += 1;
    counters.messagesPerWrite[bucketOf(this.#newMessages)]! += 1;
    this.#newMessages = 0;
    if (batch.length === 1) {
      this.#duplex.write(batch[0], this.#written);
      return;
    }
    const end = batch.pop();
    this.#duplex.cork();
    for (const piece of batch) this.#duplex.write(piece);
    this.#duplex.write(end, this.#written);
    this.#duplex.uncork();
  }

  #wait(): void {
    this.#waitingSinceMs = performance.now();
    // The slab is the socket's until it has been taken.
    if (this.#copies && this.#sealed > 0) this.#newSlab(0);
    this.#watchOver();
  }

  #watchOver(): void {
    if (this.#watch !== undefined) return;
    const seen = this.#writesDone;
    this.#watch = setTimeout(() => {
      this.#watch = undefined;
      if (this.#waitingSinceMs === undefined || this.#stopped) return;
      if (this.#writesDone === seen) this.#options.onStalled();
      else this.#watchOver();
    }, this.#options.writeTimeoutMs).unref();
  }

  readonly #written = (): void => {
    if (this.#waitingSinceMs === undefined || this.#duplex.writableLength > 0 || this.#stopped) return;
    this.#counters.socketWaitMs += performance.now() - this.#waitingSinceMs;
    this.#waitingSinceMs = undefined;
    this.#writesDone += 1;
    this.#taken();
    this.flush();
    if (this.#waitingSinceMs !== undefined) this.#options.onProgress();
  };

  #pad(): void {
    const leastFrame = MESSAGE_HEADER_BYTES + (this.crc ? MESSAGE_CRC_BYTES : 0);
    let gap = paddingOf(this.#queuedBytes + this.#end - this.#sealed, this.#options.padTo, leastFrame);
    while (gap > 0) {
      // Never leaves a rest in which no frame fits.
      const size = gap <= paddingFrameBytes ? gap : Math.min(paddingFrameBytes, gap - leastFrame);
      this.frame(frameType.pong, false, connectionId, Buffer.alloc(size - leastFrame));
      gap -= size;
    }
  }
}

function flushTurn(writer: FrameWriter): void {
  writer.flush();
}

// What a running program can ask its channel: where the time goes and how well messages share writes. Counting costs a few
// nanoseconds a message; time is taken for one chunk in sixteen, because reading a clock twice a message would cost more than the
// message.

/** Counts by powers of two: `[upTo, count]` pairs, the empty ones left out. */
export type Histogram = readonly (readonly [upTo: number, count: number])[];

export interface ChannelStats {
  readonly messagesReceived: number;
  readonly messagesSent: number;
  readonly bytesReceived: number;
  readonly bytesSent: number;
  /** Writes that were made, and chunks that were read: each is a system call or a few. */
  readonly writes: number;
  readonly reads: number;
  readonly messageBytes: Histogram;
  readonly writeBytes: Histogram;
  readonly messagesPerWrite: Histogram;
  /** Milliseconds. Decode, handler and encode are scaled from a sample; a handler's time is its synchronous part. */
  readonly timeMs: {
    readonly decode: number;
    readonly handler: number;
    readonly encode: number;
    readonly creditWait: number;
    readonly socketWait: number;
  };
  /** Requests of this end that wait for a reply, and those that wait for the other end's window. */
  readonly outstanding: number;
  readonly waitingForWindow: number;
  /** Requests of the other end that a handler works on, and those that wait for one. */
  readonly running: number;
  readonly queued: number;
  /** Bytes that the socket has not taken. */
  readonly backlogBytes: number;
}

// Chosen: one chunk of at most 64 KiB in so many is timed.
export const sampleEvery = 16;
const buckets = 33;

export class Counters {
  readonly messageBytes = new Float64Array(buckets);
  readonly writeBytes = new Float64Array(buckets);
  readonly messagesPerWrite = new Float64Array(buckets);
  messagesReceived = 0;
  messagesSent = 0;
  bytesReceived = 0;
  bytesSent = 0;
  writes = 0;
  decodeMs = 0;
  handlerMs = 0;
  encodeMs = 0;
  creditWaitMs = 0;
  socketWaitMs = 0;
  chunks = 0;
  /** True while the chunk in hand is timed. */
  sampling = false;

  histograms(): Pick<ChannelStats, 'messageBytes' | 'writeBytes' | 'messagesPerWrite'> {
    return {
      messageBytes: shape(this.messageBytes),
      writeBytes: shape(this.writeBytes),
      messagesPerWrite: shape(this.messagesPerWrite),
    };
  }
}

/** Bucket of `value`: 0 for 0, else the number of its binary digits. */
export function bucketOf(value: number): number {
  return 32 - Math.clz32(value);
}

function shape(counts: Float64Array): Histogram {
  const pairs: (readonly [number, number])[] = [];
  counts.forEach((count, bucket) => {
    if (count > 0) pairs.push([bucket === 0 ? 0 : 2 ** bucket - 1, count]);
  });
  return pairs;
}

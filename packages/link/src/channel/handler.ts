// What answers requests: a function for whole messages, or one for streams, by type.

/** What a handler can know of its request. */
export interface IncomingCall {
  readonly type: number;
  /** Aborted when the other end gives up or the connection ends; the answer then goes nowhere. */
  readonly signal: AbortSignal;
}

/** A request whose two directions are streams. Iterating gives what the other end writes after its first payload. */
export interface IncomingStream extends IncomingCall, AsyncIterable<Uint8Array> {
  /** The payload of the request's first frame. */
  readonly payload: Uint8Array;
  /** Sends the reply's first frame; without it the first write does, with an empty payload. Throws TypeError the second time. */
  reply(payload: Uint8Array): void;
  /** Resolves when the other end's credit has covered all bytes; they are given away. */
  write(bytes: Uint8Array): Promise<void>;
  /** Ends the reply, and with it the request. A handler that returns without it has ended. */
  end(bytes?: Uint8Array): Promise<void>;
}

/**
 * The reply, now or later; nothing is an empty one. What it throws becomes an ERROR frame (Refusal chooses the words). `payload` is
 * not copied: it is a view of what was read, and keeping it keeps up to 64 KiB. The reply's bytes are given away.
 */
export type MessageHandler = (
  payload: Uint8Array,
  call: IncomingCall,
) => Uint8Array | undefined | Promise<Uint8Array | undefined>;

export interface StreamHandler {
  /** True: chunks come as they were read, not as they were written, and are copied less. Default false. */
  readonly pieces?: boolean;
  stream(stream: IncomingStream): Promise<void>;
}

/** By request type, 32..255 without 0x7B. */
export type Handlers = Readonly<Record<number, MessageHandler | StreamHandler>>;

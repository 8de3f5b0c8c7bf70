// The message channel over any Duplex: many requests in flight on one stream, replies in any order, streams with credit both ways.
// What its user sees; how it works stands in connection.ts.
import type { Duplex } from 'node:stream';
import type { CaissonError } from '@caisson/core/errors';
import type { Done, OpenOptions, OutgoingStream, RequestOptions } from './call.ts';
import { Connection } from './connection.ts';
import type { Handlers } from './handler.ts';
import { type ChannelOptions, settle } from './options.ts';
import type { ChannelStats } from './stats.ts';

export interface Channel {
  /** Resolves when the other end has said HELLO. Requests may be made before; they leave within what every end allows. */
  readonly opened: Promise<void>;
  /** Resolves when the connection has ended: undefined if both ends said so, otherwise why. Never rejects. */
  readonly closed: Promise<CaissonError | undefined>;
  /**
   * Resolves with the reply. Rejects with RemoteError (the other end answered with an error), CHANNEL_DEADLINE, the signal's reason,
   * CHANNEL_CLOSING (nothing was sent), or what ended the connection (CHANNEL_LOST: it may have been carried out). The payload is
   * given away: it must not change before the reply. The reply is a view of what was read; keeping it keeps up to 64 KiB.
   * Throws TypeError for a type outside 32..255 or 0x7B.
   */
  request(type: number, payload: Uint8Array, options?: RequestOptions): Promise<Uint8Array>;
  /** `request` without a promise, for hundreds of thousands of messages a second. `done` is called once and must not throw. */
  call(type: number, payload: Uint8Array, done: Done, options?: RequestOptions): void;
  /** A request whose two directions are streams. The first payload must fit in a frame. */
  open(type: number, payload?: Uint8Array, options?: OpenOptions): OutgoingStream;
  /** Adds handlers, by request type. Throws TypeError for a type that is none or has one. Call it before the first data event. */
  serve(handlers: Handlers): void;
  /** Milliseconds to the other end and back. */
  ping(options?: { readonly deadlineMs?: number }): Promise<number>;
  /**
   * Takes no new requests from either end, waits for those that are under way, says CLOSE and waits for the other's. Resolves as
   * `closed` does; after `deadlineMs` (default 5,000) what is left fails.
   */
  close(options?: { readonly deadlineMs?: number }): Promise<CaissonError | undefined>;
  /** Ends it at once; what is outstanding fails with `error` (default CHANNEL_CLOSED). */
  destroy(error?: CaissonError): void;
  stats(): ChannelStats;
}

/**
 * Takes the duplex over: nobody else may read, write or end it. It must give bytes (no encoding) and not be ended. Throws
 * TypeError for options that cannot be.
 */
export function createChannel(duplex: Duplex, options: ChannelOptions): Channel {
  const encrypted = 'encrypted' in duplex && duplex.encrypted === true;
  return new Connection(duplex, settle(options, encrypted));
}

// Dials, asks one question, and says what became of it: the asking end of every small protocol that answers one frame to one frame
// (the health port, the JSON form of a channel).
import type { Socket } from 'node:net';
import type { Cid, VsockPort } from '@caisson/core/address';
import { CaissonError } from '@caisson/core/errors';
import { codeOf } from '../transport/socket-error.ts';
import type { Transport } from '../transport/transport.ts';
import { exchangeFrame, type FrameExchange } from './exchange.ts';

export interface AskOptions {
  readonly transport: Transport;
  readonly cid: Cid;
  readonly port: VsockPort;
  /** For the dial, and then again for the answer. */
  readonly timeoutMs: number;
  /** Of the answer. */
  readonly maxBytes: number;
  readonly signal?: AbortSignal;
  onConnected?(): void;
}

export type AskOutcome =
  | FrameExchange
  /** Nobody listens. */
  | { readonly kind: 'refused' }
  /** The dial failed otherwise; `code` is the errno name, ETIMEDOUT among them. */
  | { readonly kind: 'unreachable'; readonly code: string };

/** Rejects with the reason of `signal`, or with a CaissonError that says why this side cannot dial at all. */
export async function askFrame(options: AskOptions, request: Uint8Array): Promise<AskOutcome> {
  const { transport, cid, port, timeoutMs, maxBytes, onConnected } = options;
  const signal = options.signal === undefined ? {} : { signal: options.signal };
  let socket: Socket;
  try {
    socket = await transport.connect({ cid, port }, { timeoutMs, ...signal });
  } catch (error) {
    options.signal?.throwIfAborted();
    const code = codeOf(error);
    if (error instanceof CaissonError || code === undefined) throw error;
    return code === 'ECONNREFUSED' ? { kind: 'refused' } : { kind: 'unreachable', code };
  }
  onConnected?.();
  return await exchangeFrame(socket, request, { timeoutMs, maxBytes, ...signal });
}

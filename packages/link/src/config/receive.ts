// Boot config as an enclave takes it, raw: one connection, read to its end, nothing sent back (docs/wire/boot-config.md).
// The end of the stream is no proof that the config is whole: on vsock a reset reads as a clean end. Callers must parse the
// bytes as ONE complete JSON value (or check a signature) before they use any of it.
import type { Socket } from 'node:net';
import type { Cid, VsockPort } from '@caisson/core/address';
import { CID_ANY } from '@caisson/core/address';
import { concatBytes } from '@caisson/core/bytes';
import { MAX_CONFIG_BYTES } from '@caisson/core/config';
import { CaissonError, LimitError } from '@caisson/core/errors';
import type { Transport, TransportPeer } from '../transport/index.ts';
import type { DeliveryErrorCode } from './error-code.ts';
import { defaultTransferTimeoutMs } from './error-code.ts';

export interface ReceiveConfigOptions {
  readonly transport: Transport;
  readonly port: VsockPort;
  /** Default 1,048,576. */
  readonly maxBytes?: number;
  /** Until a sender dials; absent: as long as it takes. */
  readonly timeoutMs?: number;
  /** From the accept to the sender's end; default 10,000. */
  readonly transferTimeoutMs?: number;
  /** Only this sender is heard; another is reset. */
  readonly peerCid?: Cid;
  readonly signal?: AbortSignal;
  /** The port accepts from now on. */
  onListening?(): void;
}

/**
 * Resolves with the bytes of the first connection, when the port is closed again. Nothing of a delivery that was too large,
 * late or cut is handed out: LimitError DELIVERY_TOO_LARGE, DELIVERY_LATE, CaissonError DELIVERY_CUT.
 */
export async function receiveConfig(options: ReceiveConfigOptions): Promise<Uint8Array<ArrayBuffer>> {
  const { transport, port, peerCid, signal } = options;
  signal?.throwIfAborted();
  const arrival = Promise.withResolvers<void>();
  let reading: Promise<Uint8Array<ArrayBuffer>> | undefined;
  let first: Socket | undefined;
  const listener = await transport.listen(
    { cid: CID_ANY, port },
    { backlog: 1, ...(peerCid === undefined ? {} : { peerCid }) },
    (socket, peer) => {
      if (first !== undefined) {
        // A second sender must not believe that he was heard.
        socket.destroy();
        return;
      }
      first = socket;
      reading = readToEnd(socket, peer, options);
      // It may fail while the port is being closed, before the line below that waits for it.
      reading.catch(() => {});
      arrival.resolve();
    },
  );
  try {
    options.onListening?.();
    await waitForSender(arrival.promise, options);
    await listener.close();
    return await reading!;
  } finally {
    await listener.close();
    first?.destroy();
  }
}

async function waitForSender(arrival: Promise<void>, options: ReceiveConfigOptions): Promise<void> {
  const { port, timeoutMs, signal } = options;
  const { promise: never, reject } = Promise.withResolvers<never>();
  const abort = (): void => reject(signal?.reason);
  const late = (): void =>
    reject(refuse('DELIVERY_LATE', `nobody sent a config to port ${port} within ${timeoutMs} ms`));
  const timer = timeoutMs === undefined ? undefined : setTimeout(late, timeoutMs);
  signal?.addEventListener('abort', abort, { once: true });
  if (signal?.aborted) abort();
  try {
    await Promise.race([arrival, never]);
  } finally {
    clearTimeout(timer);
    signal?.removeEventListener('abort', abort);
  }
}

function readToEnd(
  socket: Socket,
  peer: TransportPeer,
  options: ReceiveConfigOptions,
): Promise<Uint8Array<ArrayBuffer>> {
  const { port, maxBytes = MAX_CONFIG_BYTES, transferTimeoutMs = defaultTransferTimeoutMs, signal } = options;
  const what = `config from cid ${peer.cid} on port ${port}`;
  return new Promise((resolve, reject) => {
    const chunks: Uint8Array[] = [];
    let length = 0;
    let ended = false;
    let failure: unknown;
    const fail = (error: unknown): void => {
      failure ??= error;
      socket.destroy();
    };
    const late = (): void => {
      fail(refuse('DELIVERY_LATE', `${what} came to ${length} bytes and no end within ${transferTimeoutMs} ms`));
    };
    const timer = setTimeout(late, transferTimeoutMs);
    const abort = (): void => fail(signal?.reason);
    signal?.addEventListener('abort', abort, { once: true });
    if (signal?.aborted) abort();
    socket
      .on('data', (chunk: Buffer) => {
        length += chunk.length;
        chunks.push(chunk);
        if (length > maxBytes) fail(refuse('DELIVERY_TOO_LARGE', `${what} has more than ${maxBytes} bytes`));
      })
      .on('end', () => {
        ended = true;
        socket.end();
      })
      .on('error', (cause) => {
        const text = `${what} broke off after ${length} bytes`;
        if (!ended) fail(new CaissonError<DeliveryErrorCode>('DELIVERY_CUT', text, { cause }));
      })
      .on('close', () => {
        clearTimeout(timer);
        signal?.removeEventListener('abort', abort);
        if (failure === undefined && ended) resolve(concatBytes(...chunks));
        else reject(failure ?? new CaissonError<DeliveryErrorCode>('DELIVERY_CUT', `${what} broke off unheard`));
      });
  });
}

function refuse(code: DeliveryErrorCode, message: string): LimitError<DeliveryErrorCode> {
  return new LimitError(code, message);
}

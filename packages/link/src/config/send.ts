// Boot config on its way to an enclave, raw: the bytes, an end of stream, and then the receiver's close (docs/wire/boot-config.md).
// A close is no receipt. On vsock a receiver that dies with the bytes unread closes just like one that took them, so this
// refuses what it can see (a failed write, an answer, a silence) and the receiver's own readiness is the proof.
import type { Socket } from 'node:net';
import type { Cid, VsockPort } from '@caisson/core/address';
import { formatAddress } from '@caisson/core/address';
import { MAX_CONFIG_BYTES } from '@caisson/core/config';
import { CaissonError, LimitError, ParseError } from '@caisson/core/errors';
import type { Transport } from '../transport/index.ts';
import type { DeliveryErrorCode } from './error-code.ts';
import { defaultTransferTimeoutMs } from './error-code.ts';

export interface SendConfigOptions {
  readonly transport: Transport;
  readonly cid: Cid;
  readonly port: VsockPort;
  /** At most 1,048,576. */
  readonly bytes: Uint8Array;
  /** Until the port accepts; then an Error with code ETIMEDOUT. */
  readonly timeoutMs: number;
  /** From the accept to the receiver's close; default 10,000. */
  readonly transferTimeoutMs?: number;
  /** Wait for a port that still refuses: the enclave may be booting. Default false. */
  readonly retry?: boolean;
  /** Called once, when the first dial was refused and the wait begins. */
  onWaiting?(): void;
  readonly signal?: AbortSignal;
}

/** What a transfer needs of the options once the port has accepted. */
export type RawTransfer = Pick<SendConfigOptions, 'cid' | 'port' | 'bytes' | 'transferTimeoutMs' | 'signal'>;

/** Throws LimitError DELIVERY_TOO_LARGE, DELIVERY_LATE, CaissonError DELIVERY_CUT, ParseError DELIVERY_ANSWERED. */
export async function sendConfig(options: SendConfigOptions): Promise<void> {
  requireDeliverable(options.bytes);
  const socket = await dial(options);
  await transferRaw(socket, options);
}

/** Throws LimitError DELIVERY_TOO_LARGE: what no receiver takes is not dialled for. */
export function requireDeliverable(bytes: Uint8Array): void {
  if (bytes.length <= MAX_CONFIG_BYTES) return;
  throw new LimitError<DeliveryErrorCode>(
    'DELIVERY_TOO_LARGE',
    `config has ${bytes.length} bytes, at most ${MAX_CONFIG_BYTES} can be delivered`,
  );
}

async function dial(options: SendConfigOptions): Promise<Socket> {
  const { transport, cid, port, timeoutMs, signal } = options;
  const startedAtMs = performance.now();
  const attempt = (leftMs: number, retryRefused: boolean): Promise<Socket> =>
    transport.connect({ cid, port }, { timeoutMs: leftMs, retryRefused, ...(signal === undefined ? {} : { signal }) });
  try {
    return await attempt(timeoutMs, false);
  } catch (error) {
    if (options.retry !== true || (error as NodeJS.ErrnoException).code !== 'ECONNREFUSED') throw error;
  }
  options.onWaiting?.();
  return await attempt(Math.max(Math.ceil(timeoutMs - (performance.now() - startedAtMs)), 1), true);
}

/** Everything after the dial. */
export function transferRaw(socket: Socket, options: RawTransfer): Promise<void> {
  const { bytes, signal, transferTimeoutMs = defaultTransferTimeoutMs } = options;
  const receiver = formatAddress({ kind: 'vsock', cid: options.cid, port: options.port });
  return new Promise((resolve, reject) => {
    let failure: unknown;
    const fail = (error: unknown): void => {
      failure ??= error;
      socket.destroy();
    };
    const timer = setTimeout(() => {
      const text = `${receiver} did not take ${bytes.length} config bytes and close within ${transferTimeoutMs} ms`;
      fail(new LimitError<DeliveryErrorCode>('DELIVERY_LATE', text));
    }, transferTimeoutMs);
    const abort = (): void => fail(signal?.reason);
    signal?.addEventListener('abort', abort, { once: true });
    socket
      .on('error', (cause) => {
        const text = `${receiver} broke off while ${bytes.length} config bytes were sent`;
        fail(new CaissonError<DeliveryErrorCode>('DELIVERY_CUT', text, { cause }));
      })
      // Whoever answers is no receiver of this form: the port is somebody else's.
      .on('data', (answer) => {
        const text = `${receiver} answered ${answer.length} bytes or more, raw config delivery has no answer`;
        fail(new ParseError<DeliveryErrorCode>('DELIVERY_ANSWERED', text));
      })
      .on('close', () => {
        clearTimeout(timer);
        signal?.removeEventListener('abort', abort);
        if (failure === undefined) resolve();
        else reject(failure);
      });
    if (signal?.aborted) abort();
    else socket.end(bytes);
  });
}

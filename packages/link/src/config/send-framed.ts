// The framed form on an open connection: header, length, bytes, and then the receiver's word, which unlike a close says what became of them.
import type { Socket } from 'node:net';
import { formatAddress } from '@caisson/core/address';
import { CaissonError, LimitError, ParseError } from '@caisson/core/errors';
import { FrameReader } from '@caisson/core/frame';
import type { DeliveryErrorCode } from './error-code.ts';
import { defaultTransferTimeoutMs } from './error-code.ts';
import { type ConfigReply, encodeFramedConfig, maxReplyBytes, parseConfigReply } from './messages.ts';
import type { RawTransfer } from './send.ts';

/**
 * Throws LimitError DELIVERY_LATE, ParseError DELIVERY_REPLY, CaissonError DELIVERY_UNANSWERED when the connection ended without one.
 * `socket` is closed afterwards.
 */
export function exchangeFramed(socket: Socket, options: RawTransfer): Promise<ConfigReply> {
  const { bytes, signal, transferTimeoutMs = defaultTransferTimeoutMs } = options;
  const receiver = formatAddress({ kind: 'vsock', cid: options.cid, port: options.port });
  const reader = new FrameReader({ maxBytes: maxReplyBytes, name: 'config reply' });
  return new Promise((resolve, reject) => {
    let outcome: (() => void) | undefined;
    const settle = (how: () => void): void => {
      outcome ??= how;
      socket.destroy();
    };
    const fail = (error: unknown): void => settle(() => reject(error));
    const timer = setTimeout(() => {
      const text = `${receiver} did not answer ${bytes.length} config bytes within ${transferTimeoutMs} ms`;
      fail(new LimitError<DeliveryErrorCode>('DELIVERY_LATE', text));
    }, transferTimeoutMs);
    const abort = (): void => fail(signal?.reason);
    signal?.addEventListener('abort', abort, { once: true });
    let cause: unknown;
    socket
      .on('data', (chunk: Buffer) => {
        try {
          reader.push(chunk);
          const reply = reader.next();
          if (reply === undefined) return;
          const parsed = parseConfigReply(reply);
          settle(() => resolve(parsed));
        } catch (error) {
          fail(error instanceof CaissonError && error.code.startsWith('DELIVERY') ? error : notReply(receiver, error));
        }
      })
      .on('end', () => socket.destroy())
      .on('error', (error) => (cause ??= error))
      .on('close', () => {
        clearTimeout(timer);
        signal?.removeEventListener('abort', abort);
        if (outcome !== undefined) return outcome();
        const text = `${receiver} closed without a reply to ${bytes.length} config bytes`;
        reject(
          new CaissonError<DeliveryErrorCode>('DELIVERY_UNANSWERED', text, {
            ...(cause === undefined ? {} : { cause }),
            hint: 'it was busy with other senders, or it died; whether it becomes ready tells',
          }),
        );
      });
    if (signal?.aborted) abort();
    // Not ended: on vsock a half-close may overtake nothing, but the length is the end mark here, and a receiver may close at once.
    else socket.write(encodeFramedConfig(bytes));
  });
}

function notReply(receiver: string, cause: unknown): ParseError<DeliveryErrorCode> {
  const message = cause instanceof Error ? cause.message : String(cause);
  return new ParseError('DELIVERY_REPLY', `${receiver} answered what is no config reply: ${message}`, { cause });
}

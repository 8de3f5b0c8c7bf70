// Errors in Node's own form (`code`, `syscall`) for what a kernel would answer. Code that speaks to sockets tells
// them apart by `code`, whichever transport is below.
import type { VsockAddress } from '@caisson/core/address';
import { formatAddress } from '@caisson/core/address';

export type SocketErrorCode =
  | 'EADDRINUSE'
  | 'EADDRNOTAVAIL'
  | 'ECONNREFUSED'
  | 'ELOOP'
  | 'ENODEV'
  | 'EPROTO'
  | 'ETIMEDOUT';

/** The message reads `connect ECONNREFUSED vsock:16:8080: nobody listens`. */
export function createSocketError(
  code: SocketErrorCode,
  syscall: 'connect' | 'listen',
  at: Omit<VsockAddress, 'kind'>,
  reason: string,
  cause?: unknown,
): NodeJS.ErrnoException {
  const message = `${syscall} ${code} ${formatAddress({ kind: 'vsock', ...at })}: ${reason}`;
  const error = new Error(message, cause === undefined ? undefined : { cause });
  return Object.assign(error, { code, syscall });
}

/** `ECONNREFUSED` of an error of Node, the code of one of ours; undefined for anything without one. */
export function codeOf(error: unknown): string | undefined {
  return error instanceof Error && 'code' in error && typeof error.code === 'string' ? error.code : undefined;
}

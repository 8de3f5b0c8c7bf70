// What both ends of an NSM socket agree on: bounds, the frame, and errors in Node's own form, because whoever holds an
// NsmDevice tells its errors apart by errno name, whether a driver or a socket is behind it.
import { MAX_NSM_REQUEST_BYTES, MAX_NSM_RESPONSE_BYTES } from '@caisson/core/nitro';

// Given: docs/wire/nsm.md, the socket form.
export const requestFrame = { maxBytes: MAX_NSM_REQUEST_BYTES, name: 'NSM request' } as const;
export const responseFrame = { maxBytes: MAX_NSM_RESPONSE_BYTES, name: 'NSM response' } as const;

// Given: sizeof(sun_path) - 1 on Linux, unix(7). Node 20 cuts a longer path short without a word.
const maxPathBytes = 107;

export type NsmSocketErrorCode =
  | 'EADDRINUSE'
  | 'EBADF'
  | 'ECONNRESET'
  | 'EMSGSIZE'
  | 'ENAMETOOLONG'
  | 'EPROTO'
  | 'ETIMEDOUT';

/** The message reads `request ETIMEDOUT /run/nsm.sock: no answer within 10000 ms`. */
export function createNsmSocketError(
  code: NsmSocketErrorCode,
  syscall: 'connect' | 'listen' | 'read' | 'request' | 'write',
  path: string,
  reason: string,
  cause?: unknown,
): NodeJS.ErrnoException {
  const error = new Error(`${syscall} ${code} ${path}: ${reason}`, cause === undefined ? undefined : { cause });
  return Object.assign(error, { code, syscall, path });
}

/** Throws ENAMETOOLONG for a path that would be bound or reached under another name. */
export function checkPath(path: string, syscall: 'connect' | 'listen'): void {
  if (path === '' || path.includes('\0'))
    throw new TypeError(`nsm socket path must be a path, got ${JSON.stringify(path)}`);
  const length = new TextEncoder().encode(path).length;
  if (length <= maxPathBytes) return;
  throw createNsmSocketError(
    'ENAMETOOLONG',
    syscall,
    path,
    `a socket path must have at most ${maxPathBytes} bytes, got ${length}`,
  );
}

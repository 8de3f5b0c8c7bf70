// A Nitro Security Module as a pipe of bytes: one request at a time, in the order they were asked.
// The driver serialises callers on a mutex; queueing here keeps waiting requests from filling the thread pool.
import { open } from 'node:fs/promises';
import type { NsmAddon } from './addon.ts';
import { createSystemError, errnoNumber } from './errno.ts';
import type { NsmDevice } from './kernel.ts';

// Given: NSM_REQUEST_MAX_SIZE of include/uapi/linux/nsm.h. The driver itself ends a request after 120 s with ETIMEDOUT.
const maxRequestBytes = 0x1000;

/**
 * Rejects ENOENT (no device), EACCES ... with a hint. Requests reject EMSGSIZE (over 4,096 bytes), ENOTTY (no NSM behind
 * this path), ETIMEDOUT and EIO from the driver, ECANCELED (closed while waiting its turn), EBADF (closed before).
 */
export async function openNsmDevice(addon: NsmAddon, path: string): Promise<NsmDevice> {
  const file = await open(path, 'r+').catch((error: NodeJS.ErrnoException) => {
    throw createSystemError(error.errno ?? errnoNumber('EIO'), 'open', path, {
      cause: error,
      hint: openHint(error.code),
    });
  });
  let last: Promise<unknown> = Promise.resolve();
  let closed: Promise<void> | undefined;

  return {
    async request(request) {
      if (!(request instanceof Uint8Array)) throw new TypeError('request must be a Uint8Array');
      if (request.length > maxRequestBytes) {
        throw createSystemError(errnoNumber('EMSGSIZE'), 'ioctl', path, {
          reason: `request must have at most ${maxRequestBytes} bytes, got ${request.length}`,
        });
      }
      if (closed !== undefined)
        throw createSystemError(errnoNumber('EBADF'), 'ioctl', path, { reason: 'device is closed' });
      // The caller may reuse its buffer while this waits for its turn.
      const bytes = request.slice();
      const answer = last.then(async () => {
        if (closed !== undefined) {
          throw createSystemError(errnoNumber('ECANCELED'), 'ioctl', path, {
            reason: 'device was closed before its turn',
          });
        }
        const result = await addon.nsmRequest(file.fd, bytes);
        if (typeof result !== 'number') return result;
        throw createSystemError(result, 'ioctl', path, { hint: requestHint(result) });
      });
      last = answer.catch(() => undefined);
      return answer;
    },
    close() {
      // The kernel must not lose the descriptor under a running ioctl: a reused number would receive the request.
      closed ??= last.then(() => file.close());
      return closed;
    },
  };
}

function openHint(code: string | undefined): string | undefined {
  if (code === 'ENOENT') {
    return 'an NSM exists inside a Nitro enclave only (nsm driver loaded); elsewhere set CAISSON_NSM=sim or CAISSON_NSM=unix:PATH';
  }
  if (code === 'EACCES') return 'the supervisor owns the device; ask through its socket with CAISSON_NSM=unix:PATH';
  return undefined;
}

function requestHint(result: number): string | undefined {
  return result === errnoNumber('ENOTTY') ? 'this file is not an NSM device' : undefined;
}

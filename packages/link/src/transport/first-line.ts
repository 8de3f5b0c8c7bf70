// The first line of a stream, read before the stream is handed to anybody: fabric's preamble, hybrid's answer.
// Refuses a line that is too long, too slow or cut. Takes not one byte more than the line: what follows in the same
// segment, an end of stream included, is there for whoever gets the socket.
import type { Socket } from 'node:net';
import type { CaissonError } from '@caisson/core/errors';
import { LimitError, ParseError } from '@caisson/core/errors';
import type { TransportErrorCode } from './error-code.ts';

export interface FirstLineLimits {
  /** The newline included. */
  readonly maxBytes: number;
  readonly timeoutMs: number;
}

export type FirstLineFault = CaissonError<TransportErrorCode> | Error;

const newline = 0x0a;

/**
 * Calls exactly one of `onLine` (without the newline, bytes as Latin-1) and `onFault`, unless the returned function cancels
 * first. `onLine` runs in the same tick as the read, so nothing can happen to the socket before its new owner listens.
 */
export function readFirstLine(
  socket: Socket,
  limits: FirstLineLimits,
  onLine: (line: string) => void,
  onFault: (fault: FirstLineFault) => void,
): () => void {
  let held = Buffer.alloc(0);
  let late: NodeJS.Immediate | undefined;
  // After a stall of this process timers run before the poll that would deliver a line which has long been there: one turn
  // of the loop tells a slow peer from a slow listener.
  const timer = setTimeout(() => {
    late = setImmediate(() => {
      const seen = `${held.length} bytes within ${limits.timeoutMs} ms`;
      fail(new LimitError('TRANSPORT_LINE_LATE', `first line came to ${seen}`));
    });
  }, limits.timeoutMs);

  function leave(): void {
    clearTimeout(timer);
    clearImmediate(late);
    socket.off('readable', take).off('error', fail).off('close', cut);
  }

  function fail(fault: FirstLineFault): void {
    leave();
    onFault(fault);
  }

  function cut(): void {
    fail(new ParseError('TRANSPORT_LINE_CUT', `stream ended after ${held.length} bytes of its first line`));
  }

  function take(): void {
    // A 'readable' with nothing to read is the end of the stream.
    if (socket.readableLength === 0) {
      cut();
      return;
    }
    // Never a plain read(): at the end of the stream that would emit 'end' before the new owner can hear it. An exact
    // count does not (lib/internal/streams/readable.js, `nOrig !== n && state.ended`).
    const room = limits.maxBytes - held.length;
    const chunk: Buffer | null = socket.read(Math.min(socket.readableLength, room));
    if (chunk === null) return;
    const end = chunk.indexOf(newline);
    if (end < 0) {
      held = Buffer.concat([held, chunk]);
      if (held.length >= limits.maxBytes) {
        fail(new LimitError('TRANSPORT_LINE_LIMIT', `first line has no newline within its ${limits.maxBytes} bytes`));
      }
      return;
    }
    const line = Buffer.concat([held, chunk.subarray(0, end)]).toString('latin1');
    if (end + 1 < chunk.length) socket.unshift(chunk.subarray(end + 1));
    leave();
    onLine(line);
  }

  socket.on('readable', take).on('error', fail).on('close', cut);
  return leave;
}

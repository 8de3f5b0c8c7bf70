// Lines of a stream, one when it is asked for: commands and answers to questions come from the same input, in their order. A line has a
// bound, because a pipe may have none.
import type { Readable } from 'node:stream';
import { UsageError } from './exit-code.ts';

export interface LineReader {
  /** Without its end; undefined at the end of the stream. Rejects with the reason of `stop`. */
  next(stop: AbortSignal): Promise<string | undefined>;
  close(): void;
}

// Chosen.
const maxLineCharacters = 65_536;

export function createLineReader(stream: Readable): LineReader {
  const chunks = stream[Symbol.asyncIterator]() as AsyncIterator<Buffer | string>;
  const decoder = new TextDecoder();
  let text = '';
  let isEnded = false;
  return {
    async next(stop) {
      for (;;) {
        const at = text.indexOf('\n');
        if (at >= 0 || isEnded) {
          const line = at >= 0 ? text.slice(0, at) : text;
          text = at >= 0 ? text.slice(at + 1) : '';
          return at < 0 && line === '' ? undefined : line.replace(/\r$/, '');
        }
        if (text.length > maxLineCharacters)
          throw new UsageError(`a line must have at most ${maxLineCharacters} characters`);
        const { value, done } = await unlessStopped(chunks.next(), stop);
        isEnded = done === true;
        text += typeof value === 'string' ? value : decoder.decode(value, { stream: !isEnded });
      }
    },
    close: () => void stream.destroy(),
  };
}

async function unlessStopped<Value>(work: Promise<Value>, stop: AbortSignal): Promise<Value> {
  stop.throwIfAborted();
  let end = (): void => {};
  const stopped = new Promise<never>((_, reject) => {
    end = () => reject(stop.reason);
    stop.addEventListener('abort', end, { once: true });
  });
  try {
    return await Promise.race([work, stopped]);
  } finally {
    stop.removeEventListener('abort', end);
  }
}

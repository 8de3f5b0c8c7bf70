// A service's bytes as lines that are safe to keep: whatever it writes, a line has an end, a bound, and no control character.
// Bytes come 64 KiB at a time from a FIFO, hundreds of times a second, so that the common case (printable ASCII) is one
// comparison and no copy.
import { toUtf8Text } from './text.ts';

// Chosen: a longer line is cut into lines of this length, so that an endless one costs no memory and nothing of it is lost.
export const MAX_LINE_BYTES = 8_192;

const newline = 10;
const carriageReturn = 13;

export interface LineSplitter {
  /** The lines that `chunk` completes; the rest waits for the next chunk. */
  push(chunk: Buffer): string[];
  /** What waits without an end. */
  flush(): string[];
}

export function createLineSplitter(): LineSplitter {
  let rest: Buffer = Buffer.alloc(0);
  return {
    push(chunk) {
      const lines: string[] = [];
      let start = 0;
      if (rest.length > 0) {
        // Only the line that is under way is put together; the rest of the chunk is read where it lies.
        const end = chunk.indexOf(newline);
        start = end === -1 ? chunk.length : end + 1;
        const head = Buffer.concat([rest, chunk.subarray(0, start)]);
        rest = takeLines(head, 0, lines);
        if (end === -1) return lines;
      }
      rest = takeLines(chunk, start, lines);
      return lines;
    },
    flush() {
      const line = lineOf(rest, 0, rest.length);
      const lines = rest.length === 0 ? [] : [line];
      rest = Buffer.alloc(0);
      return lines;
    },
  };
}

/** Gives what is left after the last end of a line. */
function takeLines(bytes: Buffer, from: number, lines: string[]): Buffer {
  let start = from;
  for (let end = bytes.indexOf(newline, start); end !== -1; end = bytes.indexOf(newline, start)) {
    start = cutLong(bytes, start, end, lines);
    lines.push(lineOf(bytes, start, end));
    start = end + 1;
  }
  start = cutLong(bytes, start, bytes.length, lines);
  // A copy: the chunk's memory is used again for the next read.
  return Buffer.from(bytes.subarray(start));
}

/** Cuts whole lines off what is too long; gives where the rest begins, at most MAX_LINE_BYTES before `end`. */
function cutLong(bytes: Buffer, start: number, end: number, lines: string[]): number {
  let at = start;
  while (end - at > MAX_LINE_BYTES) {
    let cut = at + MAX_LINE_BYTES;
    // Not through a character: continuation bytes of UTF-8 are 10xxxxxx, and a character has at most three of them.
    for (let back = 0; back < 3 && ((bytes[cut] ?? 0) & 0xc0) === 0x80; back += 1) cut -= 1;
    lines.push(toUtf8Text(bytes, at, cut));
    at = cut;
  }
  return at;
}

function lineOf(bytes: Buffer, start: number, end: number): string {
  return toUtf8Text(bytes, start, end > start && bytes[end - 1] === carriageReturn ? end - 1 : end);
}

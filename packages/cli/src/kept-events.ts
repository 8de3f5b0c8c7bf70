// Events that a shim has left on disk: the newest part of `log/events.jsonl` and of what was moved aside when that was full, one log line each. A line
// that was cut by a death, or that is none, is left out: the rest is worth reading all the same.
import { open } from 'node:fs/promises';
import type { ShimEvent } from '@caisson/host/shim';

// Chosen: some ten thousand events.
const maxBytes = 4 << 20;

/** Oldest first; empty where there is no file. */
export async function readKeptEvents(path: string, sinceMs = 0): Promise<ShimEvent[]> {
  // The events may begin in the older file, which was moved aside when it was full.
  const text = `${await readTail(`${path}.1`, maxBytes)}\n${await readTail(path, maxBytes)}`;
  return text.split('\n').flatMap((line) => {
    const event = parseEvent(line);
    return event === undefined || Date.parse(event.time) < sinceMs ? [] : [event];
  });
}

/** The last `bytes` of a file, from a whole line on; empty where there is none. */
export async function readTail(path: string, bytes: number): Promise<string> {
  let file: Awaited<ReturnType<typeof open>>;
  try {
    file = await open(path, 'r');
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ENOENT') return '';
    throw error;
  }
  try {
    const { size } = await file.stat();
    const from = Math.max(0, size - bytes);
    const { buffer, bytesRead } = await file.read(Buffer.alloc(Math.min(size, bytes)), { position: from });
    const text = buffer.toString('utf8', 0, bytesRead);
    return from === 0 ? text : text.slice(text.indexOf('\n') + 1);
  } finally {
    await file.close();
  }
}

function parseEvent(line: string): ShimEvent | undefined {
  try {
    const value = JSON.parse(line) as Record<string, unknown> | null;
    const { time, level, code, message, enclave, fields = {} } = value ?? {};
    if (typeof time !== 'string' || Number.isNaN(Date.parse(time))) return undefined;
    const isEvent = [level, code, message, enclave].every((one) => typeof one === 'string');
    if (!isEvent || typeof fields !== 'object' || fields === null) return undefined;
    return { time, level, code, message, enclave, fields } as ShimEvent;
  } catch {
    return undefined;
  }
}

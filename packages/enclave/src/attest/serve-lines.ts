// The NSM line protocol over a pair of streams: one answer for each line, in order, one line at a time, for as long as the input
// lasts. A reader that is slow slows the input down; nothing piles up. No deadline and no rate: the caller owns both pipes.
import type { Readable, Writable } from 'node:stream';
import { formatLineAnswer, type LineOutcome, nameFailure } from './line-answer.ts';
import { type LineRequest, parseLineRequest, refuseLongLine } from './line-request.ts';
import { LineSplitter, type SplitLine } from './line-splitter.ts';

/** The two things that lines can ask an NSM for. A rejection's message becomes the error word when it is one word. */
export interface LineBackend {
  attest(request: {
    readonly publicKey: Uint8Array;
    readonly nonce: Uint8Array | undefined;
    readonly userData: Uint8Array | undefined;
  }): Promise<Uint8Array>;
  random(): Promise<Uint8Array>;
}

export interface ServeLinesOptions {
  readonly input: Readable;
  readonly output: Writable;
  readonly backend: LineBackend;
  /** Ends the service between two lines; the input is destroyed. */
  readonly signal?: AbortSignal;
}

// Given: argonaut's protocol, newline included.
const maxLineBytes = 1 << 20;

/**
 * Resolves at the end of the input, when everything has been answered, or when `signal` is aborted. Rejects with the
 * stream's error when the input fails or the output can take no more.
 */
export async function serveLines({ input, output, backend, signal }: ServeLinesOptions): Promise<void> {
  const splitter = new LineSplitter(maxLineBytes);
  const stop = (): void => void input.destroy();
  const isStopped = (): boolean => signal?.aborted ?? false;
  if (isStopped()) return stop();
  signal?.addEventListener('abort', stop, { once: true });
  // Without a listener an error between two writes would end the process; the next write finds the stream destroyed.
  const keep = (): void => {};
  output.on('error', keep);
  try {
    for await (const chunk of input) {
      for (const line of splitter.push(chunk as Uint8Array)) await answer(line, output, backend);
      if (isStopped()) return;
    }
    for (const line of splitter.end()) await answer(line, output, backend);
  } catch (error) {
    if (!isStopped()) throw error;
  } finally {
    signal?.removeEventListener('abort', stop);
    output.off('error', keep);
  }
}

async function answer(line: SplitLine, output: Writable, backend: LineBackend): Promise<void> {
  const request = line.kind === 'line' ? parseLineRequest(line.bytes) : refuseLongLine(line.json);
  await write(output, formatLineAnswer(request, await fulfil(request, backend)));
}

async function fulfil({ wish }: LineRequest, backend: LineBackend): Promise<LineOutcome> {
  if (wish.kind === 'refused') return { kind: 'error', error: wish.error };
  try {
    return { kind: 'data', bytes: await (wish.kind === 'random' ? backend.random() : backend.attest(wish)) };
  } catch (error) {
    return { kind: 'error', error: nameFailure(error) };
  }
}

/** Resolves when the output wants more; rejects when it has failed or was closed, so that nobody waits for ever. */
function write(output: Writable, text: string): Promise<void> {
  return new Promise((resolve, reject) => {
    const done = (error?: Error | null): void => {
      output.off('drain', done).off('close', closed).off('error', done);
      if (error instanceof Error) reject(error);
      else resolve();
    };
    const closed = (): void => done(output.errored ?? new Error('output was closed before the answer was written'));
    if (output.destroyed) return closed();
    output.once('error', done);
    if (output.write(text)) return done();
    output.once('drain', done).once('close', closed);
  });
}

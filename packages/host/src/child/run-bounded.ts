// One program of the machine, asked once: words in a list and never a shell, an end that always comes, and so many bytes of what it says and no more.
import { spawn } from 'node:child_process';
import { killGroup } from './kill-group.ts';

export interface BoundedOptions {
  readonly timeoutMs: number;
  /** Default: this process's. */
  readonly env?: Readonly<Record<string, string | undefined>>;
  readonly signal?: AbortSignal | undefined;
}

export interface Bounded {
  readonly stdout: Buffer;
  readonly stderr: string;
  /** Null if a signal ended it. */
  readonly exitCode: number | null;
  /** Why this side ended the program: too late, too many bytes, or `signal`. Undefined if it ended by itself. */
  readonly cut: 'late' | 'long' | 'told' | undefined;
}

// Chosen: four enclaves of nitro-cli with their metadata are some kilobytes.
const maxBytes = 1 << 20;
/** Output may still be in the pipe when the program ends; a process that it has left behind may hold the pipe open for ever. */
const lastWordsMs = 1_000;

/** Rejects only where `program` cannot be started. */
export async function runBounded(
  program: string,
  words: readonly string[],
  { timeoutMs, env = process.env, signal }: BoundedOptions,
): Promise<Bounded> {
  // A group of its own, so that nothing of it stays when it is ended.
  const child = spawn(program, words, { stdio: ['ignore', 'pipe', 'pipe'], detached: true, env: { ...env } });
  let cut: Bounded['cut'];
  const letGo = (): void => {
    child.stdout.destroy();
    child.stderr.destroy();
  };
  const end = (why: Bounded['cut']): void => {
    cut ??= why;
    killGroup(child);
    letGo();
  };
  const collect = (stream: NodeJS.ReadableStream): Buffer[] => {
    const pieces: Buffer[] = [];
    let size = 0;
    stream.on('data', (piece: Buffer) => {
      size += piece.length;
      if (size > maxBytes) end('long');
      else pieces.push(piece);
    });
    return pieces;
  };
  const [out, err] = [collect(child.stdout), collect(child.stderr)];
  let timer = setTimeout(() => end('late'), timeoutMs);
  // Its group is not killed then: it has ended as it wanted, and so may what it has left.
  child.once('exit', () => {
    if (cut !== undefined) return;
    clearTimeout(timer);
    // After another look at the pipes: a process that was kept from running for so long has not read them yet.
    timer = setTimeout(() => setImmediate(letGo), lastWordsMs);
  });
  const giveUp = (): void => end('told');
  signal?.addEventListener('abort', giveUp, { once: true });
  if (signal?.aborted) giveUp();
  try {
    const exitCode = await new Promise<number | null>((resolve, reject) => {
      child.once('error', reject).once('close', resolve);
    });
    return { stdout: Buffer.concat(out), stderr: Buffer.concat(err).toString(), exitCode, cut };
  } finally {
    clearTimeout(timer);
    signal?.removeEventListener('abort', giveUp);
  }
}

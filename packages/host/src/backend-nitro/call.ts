// One call of nitro-cli: words in an array and never a shell, an end that always comes, and at most so many bytes of what it says.
import { spawn } from 'node:child_process';

export interface Said {
  readonly stdout: Buffer;
  readonly stderr: string;
  /** Null: it was ended by a signal. */
  readonly exitCode: number | null;
  /** Why this side ended it. */
  readonly cut: 'late' | 'long' | 'told' | undefined;
}

export interface CallOptions {
  readonly timeoutMs: number;
  readonly signal?: AbortSignal | undefined;
}

// Chosen: four enclaves with metadata are some kilobytes.
const maxBytes = 1 << 20;

/** Rejects only where `program` cannot be started. */
export async function callNitroCli(
  program: string,
  words: readonly string[],
  { timeoutMs, signal }: CallOptions,
): Promise<Said> {
  // A group of its own, so that nothing of it stays when it is ended. The process of an enclave leaves it by itself.
  const child = spawn(program, words, { stdio: ['ignore', 'pipe', 'pipe'], detached: true });
  let cut: Said['cut'];
  const end = (why: Said['cut']): void => {
    cut ??= why;
    try {
      if (child.pid !== undefined) process.kill(-child.pid, 'SIGKILL');
    } catch {
      // It was faster.
    }
    // A process that left the group may hold the pipes for as long as it lives.
    child.stdout.destroy();
    child.stderr.destroy();
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
  const timer = setTimeout(() => end('late'), timeoutMs);
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

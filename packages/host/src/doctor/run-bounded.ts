// One command of the machine: words in a list and never a shell, an end that always comes, and so many bytes and no more.
import { spawn } from 'node:child_process';
import type { Answer } from './machine.ts';

export interface BoundedOptions {
  readonly env: Readonly<Record<string, string | undefined>>;
  readonly timeoutMs: number;
}

// Chosen.
const maxBytes = 1 << 20;

/** Never rejects: what cannot be started has said nothing and no exit code. */
export async function runBounded(
  path: string,
  words: readonly string[],
  { env, timeoutMs }: BoundedOptions,
): Promise<Answer> {
  // A group of its own, so that nothing of it stays; one language, because its words are read.
  const child = spawn(path, words, { stdio: ['ignore', 'pipe', 'pipe'], detached: true, env: { ...env, LC_ALL: 'C' } });
  let isCut = false;
  const cut = (): void => {
    isCut = true;
    try {
      if (child.pid !== undefined) process.kill(-child.pid, 'SIGKILL');
    } catch {
      // It was faster.
    }
    child.stdout.destroy();
    child.stderr.destroy();
  };
  const collect = (stream: NodeJS.ReadableStream): Buffer[] => {
    const pieces: Buffer[] = [];
    let size = 0;
    stream.on('data', (piece: Buffer) => {
      size += piece.length;
      if (size > maxBytes) cut();
      else pieces.push(piece);
    });
    return pieces;
  };
  const [out, err] = [collect(child.stdout), collect(child.stderr)];
  const timer = setTimeout(cut, timeoutMs);
  const exitCode = await new Promise<number | null>((resolve) => {
    child.once('error', () => resolve(null)).once('close', resolve);
  });
  clearTimeout(timer);
  return { exitCode, stdout: Buffer.concat(out).toString(), stderr: Buffer.concat(err).toString(), isCut };
}

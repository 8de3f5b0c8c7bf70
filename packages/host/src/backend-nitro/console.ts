// The console of an enclave in debug mode, as nitro-cli prints it.
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import type { ConsoleRing } from '../backend/index.ts';

// Chosen: the last output may still be in the pipe when the process of the enclave is gone.
const lastWordsMs = 1_000;

export function openConsole(program: string, id: string, console: ConsoleRing): { close(): Promise<void> } {
  const child = spawn(program, ['console', '--enclave-id', id], { stdio: ['ignore', 'pipe', 'ignore'] });
  child.stdout.on('data', (piece: Buffer) => console.push(piece));
  child.on('error', () => {});
  const closed = once(child, 'close').then(
    () => {},
    () => {},
  );
  return {
    async close() {
      const timer = setTimeout(() => {
        child.kill('SIGKILL');
        child.stdout.destroy();
      }, lastWordsMs);
      await closed;
      clearTimeout(timer);
    },
  };
}

// The console of an enclave in debug mode, as nitro-cli prints it.
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import type { ConsoleRing } from '../backend/index.ts';

// Chosen: what an enclave said last is on its way when its process is gone.
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

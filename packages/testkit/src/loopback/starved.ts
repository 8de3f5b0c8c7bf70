// Starts starved-main.ts under a limit of descriptors. The limit is a process's own, so clients and far side stay outside.
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import type { NativeAddress } from '@caisson/sys';
import type { Cleaner } from './surroundings.ts';

export interface Starved {
  readonly address: NativeAddress;
  /** Stops all its threads; what arrives waits in the kernel. */
  suspend(): void;
  resume(): void;
  /** Drains the engine and resolves with its counters and the CPU time of its whole life. */
  end(): Promise<Readonly<Record<string, number>>>;
}

export async function startStarved(cleaner: Cleaner, farPath: string, descriptors: number): Promise<Starved> {
  const main = join(import.meta.dirname, 'starved-main.ts');
  const command = [process.execPath, '--conditions=caisson-source', main, farPath];
  const child = spawn('sh', ['-c', `ulimit -n ${descriptors}; exec "$0" "$@"`, ...command], {
    stdio: ['pipe', 'pipe', 'inherit'],
  });
  cleaner.after(async () => {
    if (child.exitCode !== null || child.signalCode !== null) return;
    const ended = once(child, 'exit');
    child.kill('SIGKILL');
    await ended;
  });
  const lines = createInterface(child.stdout)[Symbol.asyncIterator]();
  const port = Number((await lines.next()).value);
  return {
    address: { kind: 'tcp', address: '127.0.0.1', port },
    suspend: () => void child.kill('SIGSTOP'),
    resume: () => void child.kill('SIGCONT'),
    async end() {
      const ended = once(child, 'exit');
      child.stdin.end();
      const last = (await lines.next()).value;
      await ended;
      return JSON.parse(String(last)) as Record<string, number>;
    },
  };
}

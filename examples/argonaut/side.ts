// One process tree of the example: started with an environment of its own, its output kept for the report of a failure,
// ended as a group. Nothing of this process's environment reaches it but PATH.
import { type ChildProcess, spawn } from 'node:child_process';

export interface Side {
  readonly name: string;
  readonly child: ChildProcess;
  /** The last lines it wrote on stderr, oldest first. */
  tail(): string[];
  /** Rejects when the tree ends before `end` was called. */
  readonly died: Promise<never>;
  end(): Promise<void>;
}

export interface SideOptions {
  readonly name: string;
  readonly command: readonly [string, ...string[]];
  readonly env: Readonly<Record<string, string>>;
  readonly onLine?: (line: string) => void;
}

const keptLines = 200;
const graceMs = 5_000;

export function startSide({ name, command: [file, ...args], env, onLine }: SideOptions): Side {
  const child = spawn(file, args, {
    env: { PATH: process.env['PATH'] ?? '/usr/bin:/bin', ...env },
    stdio: ['ignore', 'pipe', 'pipe'],
    detached: true,
  });
  const lines: string[] = [];
  let ending = false;
  for (const stream of [child.stdout, child.stderr]) {
    let rest = '';
    stream.setEncoding('utf8').on('data', (text: string) => {
      const parts = (rest + text).split('\n');
      rest = (parts.pop() ?? '').slice(-65_536);
      for (const line of parts) {
        lines.push(line);
        if (lines.length > keptLines) lines.shift();
        onLine?.(line);
      }
    });
  }
  const exited = new Promise<string>((resolve) => {
    child.once('error', (error) => resolve(error.message));
    child.once('exit', (code, signal) => resolve(signal === null ? `exit code ${code}` : signal));
  });
  const died = exited.then((how) => {
    if (ending) return new Promise<never>(() => {});
    throw new Error(`${name} ended (${how})\n${lines.slice(-8).join('\n')}`);
  });
  died.catch(() => {});
  return {
    name,
    child,
    tail: () => [...lines],
    died,
    async end() {
      ending = true;
      signalGroup(child, 'SIGTERM');
      const timer = setTimeout(() => signalGroup(child, 'SIGKILL'), graceMs);
      await exited;
      clearTimeout(timer);
      // What the leader left behind in its group, for example the bridges that the application replaced.
      signalGroup(child, 'SIGKILL');
    },
  };
}

function signalGroup(child: ChildProcess, signal: NodeJS.Signals): void {
  if (child.pid === undefined) return;
  try {
    process.kill(-child.pid, signal);
  } catch {
    // The group is gone.
  }
}

// Every program that the bench starts, so that none outlives it: not its end, not its failure, not Ctrl-C.
import { type ChildProcess, spawn, spawnSync } from 'node:child_process';

const running = new Set<ChildProcess>();
let stopped = false;

/** Starts a process group of its own; what it says on stderr is kept for the error message. */
export function startChild(
  [file = '', ...args]: readonly string[],
  env: Readonly<Record<string, string>> = {},
): { child: ChildProcess; complaint(): string } {
  if (stopped) throw new Error('the bench was stopped');
  const child = spawn(file, args, { stdio: ['pipe', 'pipe', 'pipe'], detached: true, env: { ...process.env, ...env } });
  running.add(child);
  child.once('close', () => running.delete(child));
  child.on('error', () => running.delete(child));
  child.stdin.on('error', () => undefined);
  let complaint = '';
  child.stderr.setEncoding('utf8').on('data', (chunk: string) => {
    complaint = (complaint + chunk).slice(-2_000);
  });
  return { child, complaint: () => complaint.trim() };
}

/** What a program prints until it ends well; anything else is an error with what it complained of. */
export async function outputOf(command: readonly string[], env?: Readonly<Record<string, string>>): Promise<string> {
  const { child, complaint } = startChild(command, env);
  let text = '';
  child.stdout?.setEncoding('utf8').on('data', (chunk: string) => {
    text += chunk;
  });
  child.stdin?.end();
  const { promise, resolve, reject } = Promise.withResolvers<string>();
  child.once('error', reject);
  child.once('close', (code, signal) =>
    code === 0 ? resolve(text) : reject(new Error(`${command[0]} ended with ${signal ?? code}: ${complaint()}`)),
  );
  return promise;
}

/** A program that says it is ready on stdout and ends when its stdin does. */
export async function whileRunning<Value>(command: readonly string[], use: () => Promise<Value>): Promise<Value> {
  const { child, complaint } = startChild(command);
  const closed = new Promise<void>((resolve) => child.once('close', () => resolve()));
  try {
    await new Promise((resolve, reject) => {
      child.once('error', reject);
      child.stdout?.once('data', resolve);
      child.once('close', (code, signal) =>
        reject(new Error(`${command[0]} ended with ${signal ?? code} before it was ready: ${complaint()}`)),
      );
    });
    return await use();
  } finally {
    child.stdin?.end();
    await closed;
  }
}

export async function stopChild(child: ChildProcess): Promise<void> {
  const gone = child.exitCode !== null || child.signalCode !== null;
  const closed = gone ? undefined : new Promise((resolve) => child.once('close', resolve));
  killGroup(child);
  await closed;
}

/** Nothing starts after this. */
export function stopAll(): void {
  stopped = true;
  for (const child of running) killGroup(child);
}

export function has(program: string): boolean {
  return spawnSync('which', [program]).status === 0;
}

function killGroup({ pid }: ChildProcess): void {
  if (pid === undefined) return;
  try {
    process.kill(-pid, 'SIGKILL');
  } catch {
    // The group is gone already.
  }
}

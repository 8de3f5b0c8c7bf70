// Every program that the hardware scripts start. Each has a process group of its own, so that Ctrl-C on a terminal reaches this script alone: what is
// asked of AWS must not be cut between the deed and its answer, or nobody would know what there is to clean up.
import { type ChildProcess, spawn } from 'node:child_process';
import { closeSync, openSync } from 'node:fs';

export interface ChildResult {
  readonly code: number | null;
  readonly stdout: string;
  /** Its last part. */
  readonly stderr: string;
}

export type OnOutput = (bytes: Buffer, stream: 'stdout' | 'stderr') => void;

export interface ChildOptions {
  readonly env: Readonly<Record<string, string | undefined>>;
  readonly deadlineMs: number;
  /** Ends the program at once. Without it, it goes on until its end or the deadline. */
  readonly stop?: AbortSignal;
  readonly input?: string;
  readonly cwd?: string;
  /** Gets what it prints on both streams as it comes; `stdout` is then empty. */
  readonly onOutput?: OnOutput;
}

/** A program that could not be started, or was ended by its deadline, by too much output, or by `stop`. */
export class ChildError extends Error {
  readonly reason: 'missing' | 'late' | 'long' | 'stopped';

  constructor(reason: ChildError['reason'], message: string) {
    super(message);
    this.reason = reason;
  }
}

// Chosen: an answer of AWS that we ask for is a few KiB.
const maxBytes = 4 * 1024 * 1024;
const keptCharacters = 8_192;

/** Resolves with whatever code it ended with; rejects ChildError. */
export function runChild([file = '', ...words]: readonly string[], options: ChildOptions): Promise<ChildResult> {
  const { env, deadlineMs, stop, input = '', cwd, onOutput } = options;
  const { promise, resolve, reject } = Promise.withResolvers<ChildResult>();
  if (stop?.aborted) return Promise.reject(new ChildError('stopped', `${file} was not started`));
  const child = spawn(file, words, { stdio: 'pipe', detached: true, env: { ...env }, ...(cwd && { cwd }) });
  let cause: ChildError | undefined;
  const end = (error: ChildError): void => {
    cause ??= error;
    killGroup(child, 'SIGKILL');
  };
  const timer = setTimeout(
    () => end(new ChildError('late', `${file} took more than ${deadlineMs / 1_000} s`)),
    deadlineMs,
  );
  const onStop = (): void => end(new ChildError('stopped', `${file} was ended`));
  stop?.addEventListener('abort', onStop, { once: true });
  let [stdout, stderr] = ['', ''];
  child.stdout.on('data', (bytes: Buffer) => {
    if (onOutput !== undefined) return onOutput(bytes, 'stdout');
    stdout += bytes.toString();
    if (stdout.length > maxBytes) end(new ChildError('long', `${file} printed more than ${maxBytes} bytes`));
  });
  child.stderr.on('data', (bytes: Buffer) => {
    onOutput?.(bytes, 'stderr');
    stderr = (stderr + bytes.toString()).slice(-keptCharacters);
  });
  child.stdin.on('error', () => {});
  child.stdin.end(input);
  const settle = (): void => {
    clearTimeout(timer);
    stop?.removeEventListener('abort', onStop);
  };
  child.once('error', (error: NodeJS.ErrnoException) => {
    settle();
    const text = error.code === 'ENOENT' ? `${file} is not in PATH` : `${file} cannot be started: ${error.message}`;
    reject(new ChildError('missing', text));
  });
  child.once('close', (code) => {
    settle();
    if (cause === undefined) resolve({ code, stdout, stderr });
    else reject(cause);
  });
  return promise;
}

/** With all that it has started and not put into groups of their own. */
export function killGroup(child: ChildProcess, signal: NodeJS.Signals): void {
  if (child.pid === undefined) return;
  try {
    process.kill(-child.pid, signal);
  } catch {
    // It has ended.
  }
}

export interface LongChild {
  /** Its exit code, null after a signal. */
  readonly ended: Promise<number | null>;
  readonly hasEnded: boolean;
  /** Asks it to end, and ends it after 5 s. */
  stop(): Promise<void>;
}

/** A program that stays, with what it says in a file. */
export function startLong(
  [file = '', ...words]: readonly string[],
  env: ChildOptions['env'],
  logFile: string,
): LongChild {
  const log = openSync(logFile, 'a', 0o600);
  const child = spawn(file, words, { stdio: ['ignore', log, log], detached: true, env: { ...env } });
  closeSync(log);
  let hasEnded = false;
  const ended = new Promise<number | null>((resolve) => {
    const end = (code: number | null): void => {
      hasEnded = true;
      resolve(code);
    };
    child.once('error', () => end(null));
    child.once('close', end);
  });
  return {
    ended,
    get hasEnded() {
      return hasEnded;
    },
    async stop() {
      if (!hasEnded) killGroup(child, 'SIGTERM');
      const timer = setTimeout(() => killGroup(child, 'SIGKILL'), 5_000);
      await ended;
      clearTimeout(timer);
    },
  };
}

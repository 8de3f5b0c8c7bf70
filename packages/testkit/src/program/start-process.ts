// A program in a process of its own, and what it says while it runs. Nobody is at its standard input.
import { type ChildProcess, spawn } from 'node:child_process';

export interface ProcessTerms {
  readonly cwd?: string;
  /** Default that of this process. */
  readonly env?: NodeJS.ProcessEnv;
}

export interface EndedProcess {
  /** Null: a signal ended it. */
  readonly code: number | null;
  readonly out: string;
  readonly err: string;
  /** Both, as they came. */
  readonly all: string;
}

export interface StartedProcess {
  readonly child: ChildProcess;
  readonly ended: Promise<EndedProcess>;
  /** Resolves once something like it stands in `out`. Rejects when it ended without. */
  said(pattern: RegExp): Promise<void>;
}

export function startProcess([program, ...words]: readonly [string, ...string[]], terms: ProcessTerms): StartedProcess {
  const child = spawn(program, words, { ...terms, stdio: ['ignore', 'pipe', 'pipe'] });
  let [out, err, all] = ['', '', ''];
  const listeners = new Set<() => void>();
  const hear = (text: string): string => {
    all += text;
    return text;
  };
  child.stdout.setEncoding('utf8').on('data', (text: string) => (out += hear(text)));
  child.stderr.setEncoding('utf8').on('data', (text: string) => (err += hear(text)));
  child.stdout.on('data', () => {
    for (const listener of listeners) listener();
  });
  const ended = new Promise<EndedProcess>((resolve, reject) => {
    child.once('error', reject);
    child.once('close', (code) => resolve({ code, out, err, all }));
  });
  return {
    child,
    ended,
    said: (pattern) =>
      new Promise((resolve, reject) => {
        const look = (): void => void (pattern.test(out) && resolve());
        listeners.add(look);
        look();
        const tell = (): void => reject(new Error(`${program} ended before it said ${pattern}: ${all}`));
        ended.then(tell, reject);
      }),
  };
}

// The instance by ssh: our own configuration only, the host key known beforehand, never an unknown host taken on trust, nobody asked on a terminal.
import { setTimeout as sleep } from 'node:timers/promises';
import { type ChildResult, type OnOutput, runChild } from '../child.ts';
import type { RunKeys } from './key.ts';

export interface Remote {
  readonly address: string;
  /** For people: the words that log in. */
  readonly login: readonly string[];
  /** Waits for sshd. */
  untilAnswers(pollMs: number): Promise<void>;
  /** A line for the instance's shell; its output goes to `onOutput` as it comes. Resolves with its exit code, 255 when the connection broke. */
  run(line: string, options?: { readonly input?: string; readonly deadlineMs?: number }): Promise<number>;
  send(file: string, to: string): Promise<void>;
  fetch(from: string, to: string): Promise<void>;
}

export interface RemoteOptions {
  readonly address: string;
  readonly alias: string;
  readonly keys: RunKeys;
  readonly env: Readonly<Record<string, string | undefined>>;
  readonly stop: AbortSignal;
  readonly onOutput: OnOutput;
}

// Given: the account of Amazon Linux.
const user = 'ec2-user';
// Chosen.
const answerMs = 180_000;
const copyMs = 600_000;
const commandMs = 3 * 3_600_000;

export function createRemote({ address, alias, keys, env, stop, onOutput }: RemoteOptions): Remote {
  const set = (name: string, value: string): string[] => ['-o', `${name}=${value}`];
  const options = [
    ...['-F', '/dev/null', '-i', keys.privateKeyFile],
    ...[
      ...set('StrictHostKeyChecking', 'yes'),
      ...set('HostKeyAlias', alias),
      ...set('HostKeyAlgorithms', 'ssh-ed25519'),
    ],
    ...[...set('UserKnownHostsFile', keys.knownHostsFile), ...set('GlobalKnownHostsFile', '/dev/null')],
    ...[...set('IdentitiesOnly', 'yes'), ...set('BatchMode', 'yes'), ...set('LogLevel', 'ERROR')],
    ...[...set('ConnectTimeout', '10'), ...set('ServerAliveInterval', '15'), ...set('ServerAliveCountMax', '4')],
  ];
  const place = `${user}@${address}`;
  const copy = async (from: string, to: string, what: string): Promise<void> => {
    const words = ['scp', '-q', '-r', ...options, from, to];
    const { code, stderr } = await runChild(words, { env, stop, deadlineMs: copyMs });
    if (code !== 0) throw new Error(`${what} failed: ${lastLine(stderr) || `scp ended with ${code}`}`);
  };
  return {
    address,
    login: ['ssh', ...options, place],
    async untilAnswers(pollMs) {
      const end = performance.now() + answerMs;
      for (;;) {
        const { code, stderr } = await runChild(['ssh', ...options, place, 'true'], { env, stop, deadlineMs: 30_000 });
        if (code === 0) return;
        const said = lastLine(stderr) || `ssh ended with ${code}`;
        // Waiting would not make it the right one.
        if (isStranger(stderr))
          throw new Error(`whoever answers at ${address} does not have the host key of this run: ${said}`);
        if (performance.now() > end) throw new Error(`${address} does not answer by ssh: ${said}`);
        await sleep(pollMs, undefined, { signal: stop });
      }
    },
    async run(line, { input = '', deadlineMs = commandMs } = {}) {
      const result: ChildResult = await runChild(['ssh', ...options, place, line], {
        env,
        stop,
        deadlineMs,
        input,
        onOutput,
      });
      return result.code ?? 255;
    },
    send: (file, to) => copy(file, `${place}:${to}`, 'sending the folder'),
    fetch: (from, to) => copy(`${place}:${from}`, to, 'fetching the results'),
  };
}

function isStranger(stderr: string): boolean {
  return /host key verification failed|remote host identification has changed|no matching host key/i.test(stderr);
}

function lastLine(text: string): string {
  return text.trim().split('\n').at(-1) ?? '';
}

/** A word for a shell, whatever is in it. */
export function quoteWord(word: string): string {
  return `'${word.replaceAll("'", `'\\''`)}'`;
}

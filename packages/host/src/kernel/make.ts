// make, with an environment in which nothing of the machine's moment or people can get into the kernel. Output goes to a log, whose
// last lines are in the error.
import { spawn } from 'node:child_process';
import { open, readFile } from 'node:fs/promises';
import { CaissonError } from '@caisson/core/errors';
import type { KernelErrorCode } from './error-code.ts';

// Chosen. Text that date(1) reads: a bare number is no date, and the kernel's build would then fall back to the present silently.
// `@1` is one, but would stand as it is in /proc/version.
export const BUILD_TIMESTAMP = 'Thu Jan  1 00:00:01 UTC 1970';
const buildName = 'caisson';
const shownLines = 20;
const deadlineMs = 7_200_000;

export interface MakeOptions {
  readonly folder: string;
  readonly log: string;
  readonly jobs: number;
  readonly signal?: AbortSignal;
  readonly env?: Readonly<Record<string, string | undefined>>;
}

/** Throws CaissonError KERNEL_BUILD. */
export async function make(targets: readonly string[], options: MakeOptions): Promise<void> {
  const { folder, log, jobs, signal, env = process.env } = options;
  const out = await open(log, 'a');
  try {
    const ended = await new Promise<string | undefined>((resolve, reject) => {
      const child = spawn('make', [`-j${jobs}`, ...targets], {
        cwd: folder,
        env: { ...cleanEnvironment, PATH: env['PATH'] ?? '/usr/bin:/bin' },
        stdio: ['ignore', out.fd, out.fd],
        signal: AbortSignal.any([AbortSignal.timeout(deadlineMs), ...(signal === undefined ? [] : [signal])]),
      });
      child.on('error', reject);
      child.on('close', (status, name) => resolve(status === 0 ? undefined : name === null ? `exit ${status}` : name));
    });
    if (ended === undefined) return;
    const lines = (await readFile(log, 'utf8')).trimEnd().split('\n').slice(-shownLines);
    throw new CaissonError<KernelErrorCode>('KERNEL_BUILD', `make ${targets.join(' ')} ended with ${ended}`, {
      hint: `the end of its log:\n${lines.join('\n')}`,
    });
  } finally {
    await out.close();
  }
}

const cleanEnvironment: Readonly<Record<string, string>> = {
  LC_ALL: 'C',
  TZ: 'UTC',
  SOURCE_DATE_EPOCH: '1',
  KBUILD_BUILD_TIMESTAMP: BUILD_TIMESTAMP,
  KBUILD_BUILD_USER: buildName,
  KBUILD_BUILD_HOST: buildName,
  KBUILD_BUILD_VERSION: '1',
};

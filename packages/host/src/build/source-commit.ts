// Which commit a source is at, for the manifest: a word for people, on which no byte of the image depends. A source that is no checkout,
// and a machine without git, have none.
import { execFile } from 'node:child_process';
import { existsSync } from 'node:fs';
import { dirname, join, resolve } from 'node:path';
import { promisify } from 'node:util';
import type { SourceCommit } from './plan.ts';

// Chosen.
const deadlineMs = 10_000;
const maxBytes = 4_194_304;

export async function readSourceCommit(folder: string): Promise<SourceCommit | null> {
  if (!isInCheckout(resolve(folder))) return null;
  try {
    const commit = (await git(folder, 'rev-parse', '--verify', 'HEAD')).trim();
    const changes = await git(folder, 'status', '--porcelain', '--untracked-files=normal', '--', '.');
    return /^[0-9a-f]{40,64}$/.test(commit) ? { commit, isDirty: changes !== '' } : null;
  } catch {
    return null;
  }
}

function isInCheckout(folder: string): boolean {
  if (existsSync(join(folder, '.git'))) return true;
  const above = dirname(folder);
  return above !== folder && isInCheckout(above);
}

async function git(folder: string, ...words: readonly string[]): Promise<string> {
  // A checkout may name programs that git starts by itself; looking at it must run none.
  const quiet = ['-c', 'core.fsmonitor=false', '-c', 'core.hooksPath=/dev/null', '--no-optional-locks'];
  const { PATH } = process.env;
  const { stdout } = await promisify(execFile)('git', [...quiet, ...words], {
    cwd: folder,
    timeout: deadlineMs,
    maxBuffer: maxBytes,
    env: { PATH, HOME: process.env['HOME'], LC_ALL: 'C', GIT_TERMINAL_PROMPT: '0' },
  });
  return stdout;
}

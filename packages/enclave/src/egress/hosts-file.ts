// Puts the managed block into the hosts file so that a reader sees the old file or the new one, never a half: a new file in the
// same directory, fsync, rename, fsync of the directory.
import { randomBytes } from 'node:crypto';
import { constants } from 'node:fs';
import { open, rename, stat, unlink } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { CaissonError } from '@caisson/core/errors';
import { readBoundedFile } from '@caisson/link/argonaut';
import type { EgressErrorCode } from './error-code.ts';
import { type HostsEntry, renderHosts } from './hosts-block.ts';

// Chosen: far above any hosts file of an image.
const maxHostsBytes = 1 << 20;
// Given: argonaut.
const hostsMode = 0o644;

/**
 * Resolves with false when the file was right already. A file that does not exist counts as empty.
 * Throws CaissonError EGRESS_HOSTS_FILE, LimitError ARGONAUT_INPUT_SIZE, CaissonError ARGONAUT_INPUT.
 */
export async function writeHostsBlock(path: string, entries: readonly HostsEntry[]): Promise<boolean> {
  const existing = await readHosts(path);
  const content = renderHosts(existing?.text ?? '', entries);
  if (existing?.text === content && existing.mode === hostsMode) return false;
  try {
    await replaceFile(path, content);
  } catch (cause) {
    throw new CaissonError<EgressErrorCode>('EGRESS_HOSTS_FILE', `could not write ${path}: ${reasonOf(cause)}`, {
      cause,
      hint: 'the directory must be writable and on the same file system; --hosts-file names another file',
    });
  }
  return true;
}

async function readHosts(path: string): Promise<{ text: string; mode: number } | undefined> {
  const found = await stat(path).catch((cause: NodeJS.ErrnoException) => {
    if (cause.code === 'ENOENT') return undefined;
    throw new CaissonError<EgressErrorCode>('EGRESS_HOSTS_FILE', `could not read ${path}: ${cause.code}`, { cause });
  });
  if (found === undefined) return undefined;
  const bytes = await readBoundedFile(path, { maxBytes: maxHostsBytes, what: `hosts file ${path}` });
  return { text: Buffer.from(bytes).toString('latin1'), mode: found.mode & 0o7777 };
}

async function replaceFile(path: string, content: string): Promise<void> {
  const directory = dirname(path);
  const temporary = join(directory, `.caisson-${process.pid}-${randomBytes(6).toString('hex')}`);
  try {
    const file = await open(temporary, constants.O_WRONLY | constants.O_CREAT | constants.O_EXCL, hostsMode);
    try {
      await file.writeFile(content, 'latin1');
      // The umask has had its say at open; the C library of every user must be able to read this file.
      await file.chmod(hostsMode);
      await file.sync();
    } finally {
      await file.close();
    }
    await rename(temporary, path);
  } catch (error) {
    await unlink(temporary).catch(() => {});
    throw error;
  }
  await syncDirectory(directory);
}

async function syncDirectory(path: string): Promise<void> {
  const directory = await open(path, constants.O_RDONLY | constants.O_DIRECTORY);
  try {
    await directory.sync();
  } finally {
    await directory.close();
  }
}

function reasonOf(error: unknown): string {
  return (error as NodeJS.ErrnoException).code ?? (error instanceof Error ? error.message : String(error));
}

// The version of the state folder's form (docs/wire/state.md). A newer program's folder is neither read nor changed: what this one does not know it
// could only destroy. Version 1 is the first, so there is nothing older to bring forward; a folder without a version has no enclaves yet.
import { mkdir, readFile, stat } from 'node:fs/promises';
import { join } from 'node:path';
import { CaissonError, PolicyError } from '@caisson/core/errors';
import { replaceFile } from '../file/index.ts';
import type { RecordErrorCode } from './error-code.ts';
import { stateFault } from './state-fault.ts';

// Chosen.
export const STATE_VERSION = 1;
const maxVersionCharacters = 20;
const othersWrite = 0o022;

/** For whoever only reads: a missing folder is an empty one. Throws CaissonError RECORD_VERSION or RECORD_STATE, PolicyError RECORD_STATE. */
export async function requireStateVersion(state: string): Promise<'none' | 'ours'> {
  await requireOwn(state);
  const path = join(state, 'version');
  let text: string;
  try {
    text = (await readFile(path, 'latin1')).trim();
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ENOENT') return 'none';
    throw stateFault(`cannot read ${path}`, error);
  }
  if (text === String(STATE_VERSION)) return 'ours';
  throw new CaissonError<RecordErrorCode>(
    'RECORD_VERSION',
    `state folder ${state} must be of version ${STATE_VERSION}, got ${JSON.stringify(text.slice(0, maxVersionCharacters))}`,
    { hint: 'use the newer caisson that made it, or name another folder in CAISSON_STATE; nothing was changed' },
  );
}

/** The folder says which image is started and which socket is asked, so nobody else may write there. */
async function requireOwn(state: string): Promise<void> {
  const found = await stat(state).catch((error: NodeJS.ErrnoException) => {
    if (error.code === 'ENOENT') return undefined;
    throw stateFault(`cannot read ${state}`, error);
  });
  if (found === undefined || (found.uid === process.getuid?.() && (found.mode & othersWrite) === 0)) return;
  const got = `uid ${found.uid}, mode ${(found.mode & 0o7777).toString(8)}`;
  throw new PolicyError<RecordErrorCode>(
    'RECORD_STATE',
    `state folder ${state} must be this user's own and writable by nobody else, got ${got}`,
    {
      hint:
        found.uid === process.getuid?.()
          ? `chmod 700 ${state}`
          : 'it is another user’s; name another folder in CAISSON_STATE',
    },
  );
}

/** For whoever writes: makes the folder (0700) and marks it as ours. Throws CaissonError RECORD_VERSION or RECORD_STATE. */
export async function openStateFolder(state: string): Promise<void> {
  if ((await requireStateVersion(state)) === 'ours') return;
  try {
    await mkdir(state, { recursive: true, mode: 0o700 });
    await replaceFile(join(state, 'version'), (file) => file.writeFile(`${STATE_VERSION}\n`), { mode: 0o600 });
  } catch (error) {
    throw stateFault(`cannot write state folder ${state}`, error);
  }
}

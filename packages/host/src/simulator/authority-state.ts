// The folder that keeps a simulated root over restarts: `authority.pem` (0600: private key and certificate in one file, so that a
// crash cannot part them) and `root.pem`, the certificate alone, for those who shall trust it. A folder that others can write
// to or read is refused: whoever has the key makes documents that pass.
import { constants, type Stats } from 'node:fs';
import { type FileHandle, link, lstat, mkdir, open, unlink } from 'node:fs/promises';
import { join } from 'node:path';
import { CaissonError } from '@caisson/core/errors';
import { commonNameOf, parsePem, toPem } from '@caisson/core/x509';
import { replaceFile, sweepTemporaries, syncFolder, temporaryBeside } from '../file/index.ts';
import { rootCommonName } from './chain-profile.ts';
import type { SimulatorErrorCode } from './error-code.ts';
import { restoreSigner, type Signer } from './signer.ts';

const keyFile = 'authority.pem';
const certificateFile = 'root.pem';
// Chosen: both blocks are under 2 KiB.
const maxFileBytes = 16_384;

/** The kept root, or the one `createRoot` makes, kept from now on. Throws CaissonError SIMULATOR_STATE. */
export async function openAuthorityState(folder: string, createRoot: () => Promise<Signer>): Promise<Signer> {
  await mkdir(folder, { recursive: true, mode: 0o700 });
  requirePrivate(folder, await lstat(folder));
  await sweepTemporaries(folder);
  const text = (await readKept(folder)) ?? (await keep(folder, await createRoot()));
  const root = await restore(folder, text);
  await write(join(folder, certificateFile), toPem('CERTIFICATE', root.certificate));
  return root;
}

function requirePrivate(path: string, status: Stats): void {
  const mode = (status.mode & 0o777).toString(8);
  if (!status.isDirectory()) throw fault(`simulator state ${path} must be a folder and no link`);
  if (status.uid !== process.getuid?.() || (status.mode & 0o077) !== 0) {
    throw fault(`simulator state ${path} must be its caller's own with mode 700, got uid ${status.uid} mode ${mode}`);
  }
}

async function readKept(folder: string): Promise<string | undefined> {
  const path = join(folder, keyFile);
  let file: FileHandle;
  try {
    // O_NONBLOCK: a FIFO put in its place must not hang the start.
    file = await open(path, constants.O_RDONLY | constants.O_NOFOLLOW | constants.O_NONBLOCK);
  } catch (cause) {
    if ((cause as NodeJS.ErrnoException).code === 'ENOENT') return undefined;
    throw fault(`simulator state ${path} cannot be opened`, cause);
  }
  try {
    const status = await file.stat();
    if (!status.isFile() || status.size > maxFileBytes || (status.mode & 0o077) !== 0) {
      const got = `${status.size} bytes with mode ${(status.mode & 0o777).toString(8)}`;
      throw fault(`simulator state ${path} must be a file of at most ${maxFileBytes} bytes with mode 600, got ${got}`);
    }
    const buffer = new Uint8Array(maxFileBytes);
    const { bytesRead } = await file.read(buffer, 0, maxFileBytes, 0);
    return new TextDecoder().decode(buffer.subarray(0, bytesRead));
  } finally {
    await file.close();
  }
}

async function restore(folder: string, text: string): Promise<Signer> {
  const path = join(folder, keyFile);
  try {
    const split = text.indexOf('-----BEGIN CERTIFICATE-----');
    const root = await restoreSigner(
      parsePem('CERTIFICATE', text.slice(Math.max(split, 0))),
      parsePem('PRIVATE KEY', text.slice(0, Math.max(split, 0))),
    );
    // A root of somebody's own would make documents that nobody can tell from theirs.
    const commonName = commonNameOf(root.name);
    if (commonName !== rootCommonName) throw new Error(`common name must be ${rootCommonName}, got ${commonName}`);
    return root;
  } catch (cause) {
    const reason = cause instanceof Error ? cause.message : String(cause);
    throw fault(`simulator state ${path} must hold a simulated root and its key: ${reason}`, cause);
  }
}

/** Resolves with what is kept in the end: the first of two processes that start at once wins, and both use its root. */
async function keep(folder: string, root: Signer): Promise<string> {
  const privateKey = new Uint8Array(await crypto.subtle.exportKey('pkcs8', root.key));
  const text = toPem('PRIVATE KEY', privateKey) + toPem('CERTIFICATE', root.certificate);
  privateKey.fill(0);
  const path = join(folder, keyFile);
  const temp = temporaryBeside(path);
  await write(temp, text);
  try {
    await link(temp, path);
    await syncFolder(folder);
    return text;
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== 'EEXIST') throw error;
    const kept = await readKept(folder);
    if (kept === undefined) throw error;
    return kept;
  } finally {
    await unlink(temp);
  }
}

async function write(path: string, text: string): Promise<void> {
  await replaceFile(path, (file) => file.writeFile(text), { mode: 0o600 });
}

function fault(message: string, cause?: unknown): CaissonError<SimulatorErrorCode> {
  return new CaissonError('SIMULATOR_STATE', message, {
    ...(cause !== undefined && { cause }),
    hint: 'name a folder of your own, or an empty one to get a new root',
  });
}

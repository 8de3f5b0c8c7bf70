// Where service files come from: a root file system as a value, or a folder on disk. Bounded, read whole, never through a link.
import { lstat, open, readdir } from 'node:fs/promises';
import { join } from 'node:path';
import { utf8Text } from '@caisson/core/bytes';
import { CaissonError } from '@caisson/core/errors';
import type { RootTree, TreeContent } from '../tree/index.ts';
import type { ServiceErrorCode } from './error-code.ts';
import { MAX_SERVICE_FILE_BYTES, parseFileName, type ServiceFileName } from './parse-service.ts';

/** Given: the README's folder and the program's folder of the reference. */
export const SERVICE_FOLDERS: readonly string[] = ['etc/init.d', 'service'];

export interface ServiceSource extends ServiceFileName {
  /** The text, or what is wrong with the file before it is read. */
  readonly text: string | { readonly problem: string };
}

/** In the order of their names, bytewise; `folders` relative, without slash at the ends. */
export async function readTreeSources(tree: RootTree, folders: readonly string[]): Promise<ServiceSource[]> {
  const found: ServiceSource[] = [];
  for (const folder of folders) {
    const prefix = `${folder}/`;
    for (const path of [...tree.keys()].filter((one) => one.startsWith(prefix)).sort()) {
      const parsed = path.slice(prefix.length).includes('/') ? undefined : parseFileName(path);
      const entry = tree.get(path);
      if (parsed === undefined || entry === undefined) continue;
      const text = entry.kind === 'file' ? await readContent(entry.content) : notFile(entry.kind);
      found.push({ file: path, ...parsed, text });
    }
  }
  return found;
}

/**
 * Service files right in `directory` and in its `etc/init.d` and `service`. Throws CaissonError SERVICE_READ where nothing can be read
 * or nothing is there.
 */
export async function readFolderSources(directory: string, extra: readonly string[] = []): Promise<ServiceSource[]> {
  const found: ServiceSource[] = [];
  for (const folder of new Set(['', ...SERVICE_FOLDERS, ...extra])) {
    const names = await list(join(directory, folder), folder === '');
    for (const name of names) {
      const file = folder === '' ? name : `${folder}/${name}`;
      const parsed = parseFileName(name);
      if (parsed !== undefined) found.push({ file, ...parsed, text: await readFileText(join(directory, file)) });
    }
  }
  if (found.length > 0) return found;
  throw unreadable(`${directory} has no file NAME.service, nor have its folders ${SERVICE_FOLDERS.join(' and ')}`);
}

/** init.yaml of the folder, where the builder looks for it; null: none. */
export async function readFolderInit(directory: string): Promise<Pick<ServiceSource, 'file' | 'text'> | null> {
  for (const file of ['etc/init.yaml', 'init.yaml']) {
    const path = join(directory, file);
    const found = await lstat(path).catch(() => null);
    if (found !== null) return { file, text: await readFileText(path) };
  }
  return null;
}

async function list(path: string, isNeeded: boolean): Promise<string[]> {
  try {
    return (await readdir(path)).sort();
  } catch (cause) {
    const { code, message } = cause as NodeJS.ErrnoException;
    if (!isNeeded && (code === 'ENOENT' || code === 'ENOTDIR')) return [];
    throw unreadable(`service files cannot be read: ${message}`, cause);
  }
}

async function readFileText(path: string): Promise<ServiceSource['text']> {
  const found = await lstat(path);
  if (!found.isFile())
    return notFile(found.isSymbolicLink() ? 'symlink' : found.isDirectory() ? 'directory' : 'special file');
  const file = await open(path, 'r');
  try {
    const buffer = new Uint8Array(MAX_SERVICE_FILE_BYTES + 1);
    let length = 0;
    for (;;) {
      const { bytesRead } = await file.read(buffer, length, buffer.length - length);
      length += bytesRead;
      if (bytesRead === 0 || length === buffer.length) return decode(buffer.subarray(0, length));
    }
  } finally {
    await file.close();
  }
}

async function readContent(content: TreeContent): Promise<ServiceSource['text']> {
  if (content.size > MAX_SERVICE_FILE_BYTES) return tooLarge(content.size);
  const chunks: Uint8Array[] = [];
  for await (const chunk of content.open()) chunks.push(chunk.slice());
  return decode(Buffer.concat(chunks));
}

function decode(bytes: Uint8Array): ServiceSource['text'] {
  if (bytes.length > MAX_SERVICE_FILE_BYTES) return tooLarge(bytes.length);
  try {
    return utf8Text(bytes);
  } catch {
    return { problem: 'a service file must be UTF-8' };
  }
}

function tooLarge(bytes: number): ServiceSource['text'] {
  return { problem: `a service file must have at most ${MAX_SERVICE_FILE_BYTES} bytes, got ${bytes}` };
}

function notFile(kind: string): ServiceSource['text'] {
  return { problem: `a service file must be a file of its own, got a ${kind}` };
}

function unreadable(message: string, cause?: unknown): CaissonError<ServiceErrorCode> {
  return new CaissonError('SERVICE_READ', message, cause === undefined ? {} : { cause });
}

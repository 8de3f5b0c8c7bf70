// A Debian package opened for a few of its files: an ar archive with a compressed tar in it (deb(5)). Its SHA-256 was checked before;
// what comes out is checked again by the SHA-384 of each file, so xz, which Node does not have, may be the machine's program.
import { spawn } from 'node:child_process';
import { type FileHandle, readFile } from 'node:fs/promises';
import { Readable } from 'node:stream';
import { buffer } from 'node:stream/consumers';
import { gunzipSync, zstdDecompressSync } from 'node:zlib';
import { CaissonError, ParseError } from '@caisson/core/errors';
import { streamTar } from '@caisson/core/tar';
import type { RuntimeErrorCode } from './error-code.ts';

// Chosen: libc6 has 13 MiB, linux-source 150.
const maxDataBytes = 512 * 1_048_576;
const xzDeadlineMs = 120_000;

/** Content by path, of regular files. Throws ParseError RUNTIME_PACKAGE, CaissonError RUNTIME_TOOL. */
export async function readDebianFiles(path: string, wanted: readonly string[]): Promise<Map<string, Buffer>> {
  const data = readData(await readFile(path), path);
  return readTarFiles(typeof data === 'function' ? await buffer(data()) : data, wanted, path);
}

/** Content of the regular files `wanted` of a tar archive in memory. Throws ParseError RUNTIME_PACKAGE, TAR_*. */
export async function readTarFiles(tar: Buffer, wanted: readonly string[], what: string): Promise<Map<string, Buffer>> {
  const found = new Map<string, Buffer>();
  for await (const { path, kind, size, contentOffset } of streamTar(Readable.from([tar]))) {
    const name = path.replace(/^\.\//, '');
    if (kind === 'file' && wanted.includes(name)) found.set(name, tar.subarray(contentOffset, contentOffset + size));
  }
  const missing = wanted.filter((one) => !found.has(one));
  if (missing.length > 0) throw fault(what, `has no regular file ${missing.join(', ')}`);
  return found;
}

/** Writes one regular file of a package into an empty one: for content that has no need to be in memory. */
export async function extractDebianFile(path: string, wanted: string, into: FileHandle): Promise<void> {
  const data = readData(await readFile(path), path);
  for await (const entry of streamTar(typeof data === 'function' ? data() : Readable.from([data]))) {
    if (entry.kind !== 'file' || entry.path.replace(/^\.\//, '') !== wanted) continue;
    for await (const piece of entry.content()) await into.writeFile(piece);
    return;
  }
  throw fault(path, `has no regular file ${wanted}`);
}

/** The member `data.tar.*` of a package, unpacked; as it comes where a program unpacks it. */
function readData(deb: Buffer, what: string): Buffer | (() => AsyncGenerator<Buffer, void, undefined>) {
  const { name, content } = parseArMembers(deb, what).find((member) => member.name.startsWith('data.tar')) ?? {};
  if (name === undefined || content === undefined) throw fault(what, 'has no member data.tar');
  const limit = { maxOutputLength: maxDataBytes };
  try {
    if (name === 'data.tar') return content;
    if (name === 'data.tar.gz') return gunzipSync(content, limit);
    if (name === 'data.tar.zst') return zstdDecompressSync(content, limit);
  } catch (cause) {
    throw fault(what, `${name} cannot be unpacked: ${(cause as Error).message}`);
  }
  if (name === 'data.tar.xz') return () => unpackXz(content, what);
  throw fault(what, `data.tar must be plain, gz, zst or xz, got ${name}`);
}

/** ar(5), the form without long names. Throws ParseError RUNTIME_PACKAGE. */
export function parseArMembers(bytes: Buffer, what: string): { name: string; content: Buffer }[] {
  if (bytes.toString('latin1', 0, 8) !== '!<arch>\n') throw fault(what, 'must begin with !<arch>');
  const members: { name: string; content: Buffer }[] = [];
  for (let at = 8; at < bytes.length; ) {
    const header = bytes.toString('latin1', at, at + 60);
    const [, name = '', digits = ''] = /^(.{16}).{32}(\d{1,10}) *`\n$/s.exec(header) ?? [];
    const size = Number(digits);
    const content = bytes.subarray(at + 60, at + 60 + size);
    if (digits === '' || content.length !== size) throw fault(what, `member at byte ${at} is cut or no member`);
    members.push({ name: name.trim().replace(/\/$/, ''), content });
    at += 60 + size + (size % 2);
  }
  return members;
}

async function* unpackXz(bytes: Buffer, what: string): AsyncGenerator<Buffer, void, undefined> {
  const child = spawn('xz', ['--decompress', '--stdout', '--single-stream'], { stdio: ['pipe', 'pipe', 'ignore'] });
  // Not spawn's own timeout, which outlives a program that never started.
  const deadline = setTimeout(() => child.kill('SIGKILL'), xzDeadlineMs);
  let failure: Error | undefined;
  const ended = new Promise<number | null>((resolve) => {
    child.on('close', resolve);
    child.on('error', (error) => {
      failure = error;
      resolve(null);
    });
  });
  // xz may end before it has read everything; its exit says the rest.
  child.stdin.on('error', () => {});
  child.stdin.end(bytes);
  try {
    let size = 0;
    for await (const piece of child.stdout as AsyncIterable<Buffer>) {
      size += piece.length;
      if (size > maxDataBytes) throw fault(what, `data.tar must have at most ${maxDataBytes} bytes unpacked`);
      yield piece;
    }
    const status = await ended;
    if (failure !== undefined) {
      throw new CaissonError<RuntimeErrorCode>('RUNTIME_TOOL', `cannot run xz for ${what}: ${failure.message}`, {
        cause: failure,
        hint: 'sudo apt-get install xz-utils',
      });
    }
    if (status !== 0) throw fault(what, `xz ended with ${status === null ? 'a signal' : `exit ${status}`}`);
  } finally {
    clearTimeout(deadline);
    // Also when the reader has what it wanted.
    child.kill('SIGKILL');
  }
}

function fault(what: string, text: string): ParseError<RuntimeErrorCode> {
  return new ParseError('RUNTIME_PACKAGE', `package ${what}: ${text}`);
}

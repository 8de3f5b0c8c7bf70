// The source of a kernel as a folder: Debian's linux-source of the ledger, or a tarball whose SHA-256 the caller names. Nothing is
// unpacked before its digest holds; tar and xz are the machine's.
import { execFile } from 'node:child_process';
import { readFileSync } from 'node:fs';
import { mkdir, open, rm } from 'node:fs/promises';
import { basename, join } from 'node:path';
import { promisify } from 'node:util';
import { CaissonError, ParseError, VerificationError } from '@caisson/core/errors';
import * as z from 'zod';
import {
  debianUrls,
  digestFile,
  extractDebianFile,
  type FetchOptions,
  fetchPinned,
  readLedger,
} from '../runtime/index.ts';
import type { KernelErrorCode } from './error-code.ts';

export interface KernelSource {
  readonly folder: string;
  /** `6.12.95`. */
  readonly version: string;
  /** What it came from, for the manifest. */
  readonly input: {
    readonly name: string;
    readonly version: string | null;
    readonly size: number;
    readonly sha256: string;
  };
}

export interface SourceOptions extends FetchOptions {
  readonly mirror?: string;
  /** A tarball instead of Debian's source; its digest must be named with it. */
  readonly tarball?: { readonly path: string; readonly sha256: string };
}

const kernelLedger = z.strictObject({
  v: z.literal(1),
  snapshot: z.string().regex(/^\d{8}T\d{6}Z$/),
  source: z.strictObject({
    name: z.string(),
    version: z.string(),
    path: z.string().regex(/^pool\/[\x21-\x7e]+\.deb$/),
    size: z.int().positive(),
    sha256: z.string().regex(/^[0-9a-f]{64}$/),
    tarball: z.string(),
  }),
});
// Chosen.
const unpackDeadlineMs = 900_000;

/** Unpacks into `folder`, which it makes. Throws CaissonError KERNEL_SOURCE, VerificationError KERNEL_SOURCE, and as fetching does. */
export async function unpackKernelSource(folder: string, options: SourceOptions): Promise<KernelSource> {
  await mkdir(folder, { recursive: true });
  const { path, input, drop } = await (options.tarball === undefined
    ? fetchDebianSource(folder, options)
    : pinnedTarball(options.tarball));
  options.progress?.(`unpacking ${input.name}`);
  const tree = join(folder, 'linux');
  await mkdir(tree);
  try {
    await promisify(execFile)(
      'tar',
      ['--extract', '--file', path, '--directory', tree, '--strip-components=1', '--no-same-owner'],
      {
        timeout: unpackDeadlineMs,
        ...(options.signal !== undefined && { signal: options.signal }),
      },
    );
  } catch (cause) {
    throw fault(`cannot unpack ${input.name} by tar: ${(cause as Error).message.trim()}`, cause);
  }
  if (drop) await rm(path);
  return { folder: tree, version: readVersion(tree, input.name), input };
}

async function fetchDebianSource(
  folder: string,
  options: SourceOptions,
): Promise<{ path: string; input: KernelSource['input']; drop: boolean }> {
  const { success, data, error } = kernelLedger.safeParse(readLedger('kernel.json'));
  if (!success) throw new ParseError<KernelErrorCode>('KERNEL_SOURCE', `kernel ledger does not fit: ${error.message}`);
  const { name, version, path, size, sha256, tarball } = data.source;
  const urls = debianUrls(path, data.snapshot, options.mirror);
  const deb = await fetchPinned({ name: `${name} ${version}`, urls, size, sha256 }, options);
  const file = join(folder, basename(tarball));
  const into = await open(file, 'wx');
  await extractDebianFile(deb, tarball, into).finally(() => into.close());
  return { path: file, input: { name, version, size, sha256 }, drop: true };
}

async function pinnedTarball({
  path,
  sha256,
}: NonNullable<SourceOptions['tarball']>): Promise<{ path: string; input: KernelSource['input']; drop: boolean }> {
  let found: Awaited<ReturnType<typeof digestFile>>;
  try {
    found = await digestFile(path);
  } catch (cause) {
    throw fault(`cannot read kernel source ${path}: ${(cause as NodeJS.ErrnoException).code}`, cause);
  }
  if (found.sha256 !== sha256.toLowerCase()) {
    throw new VerificationError<KernelErrorCode>(
      'KERNEL_SOURCE',
      `kernel source ${path} must have SHA-256 ${sha256}, got ${found.sha256}`,
    );
  }
  return { path, input: { name: basename(path), version: null, size: found.size, sha256: found.sha256 }, drop: false };
}

// Makefile opens with VERSION, PATCHLEVEL, SUBLEVEL, a line each.
function readVersion(folder: string, what: string): string {
  let text = '';
  try {
    text = readFileSync(join(folder, 'Makefile'), 'utf8').slice(0, 4096);
  } catch {
    // Said below: no Makefile is no kernel.
  }
  const number = (name: string): string | undefined => new RegExp(`^${name} = (\\d+)$`, 'm').exec(text)?.[1];
  const [major, minor, patch] = [number('VERSION'), number('PATCHLEVEL'), number('SUBLEVEL')];
  if (major !== undefined && minor !== undefined) return `${major}.${minor}.${patch ?? '0'}`;
  throw fault(`${what} must be a kernel source with its Makefile in its first folder`);
}

function fault(message: string, cause?: unknown): CaissonError<KernelErrorCode> {
  return new CaissonError('KERNEL_SOURCE', message, cause === undefined ? {} : { cause });
}

// Makes a runtime archive out of the inputs that the ledger names: node from npm, its loader and libraries and a static busybox from
// Debian. Every input is checked before it is opened, every file after; the result must be the archive of the ledger.
import { createHash } from 'node:crypto';
import { type FileHandle, mkdir } from 'node:fs/promises';
import { dirname } from 'node:path';
import { VerificationError } from '@caisson/core/errors';
import { writeTar } from '@caisson/core/tar';
import { replaceFile } from '../file/index.ts';
import { ARCHITECTURES, type Architecture } from './architecture.ts';
import { checkLibraries } from './check-libraries.ts';
import { debianUrls } from './debian-mirror.ts';
import { readDebianFiles } from './debian-package.ts';
import { digestPieces, type FileDigest } from './digest-file.ts';
import type { RuntimeErrorCode } from './error-code.ts';
import { type FetchOptions, fetchPinned } from './fetch-pinned.ts';
import { findNode } from './find-node.ts';
import { readArchiveLedger } from './ledger.ts';
import { RUNTIME_MANIFEST, runtimeName } from './open-runtime.ts';
import type { ArchiveLedger, WantedFile } from './parse-ledger.ts';

export interface PackOptions extends FetchOptions {
  /** Root of a Debian mirror; default those of this machine's apt, then Debian's. */
  readonly mirror?: string;
  /** A folder with bin/node and LICENSE, asked first; default: wherever this machine has them. */
  readonly node?: string;
  /** Default: the checked-in one. */
  readonly ledger?: ArchiveLedger;
}

export interface PackedRuntime extends FileDigest {
  readonly path: string;
  readonly name: string;
  readonly files: number;
}

/** Writes `path` whole or not at all. Throws as its parts do, and VerificationError RUNTIME_DIGEST for another archive. */
export async function packRuntime(
  architecture: Architecture,
  path: string,
  options: PackOptions = {},
): Promise<PackedRuntime> {
  const { ledger = readArchiveLedger(architecture) } = options;
  const files = await gatherFiles(ledger, options, true);
  checkLibraries(architecture, files);
  await mkdir(dirname(path), { recursive: true });
  return replaceFile(path, async (file) => {
    const digest = await writeArchive(file, architecture, ledger, files);
    if (digest.sha384 === ledger.sha384)
      return { path, name: runtimeName(ledger.node.version, architecture), files: files.size, ...digest };
    throw new VerificationError<RuntimeErrorCode>(
      'RUNTIME_DIGEST',
      `${ledger.name} must have SHA-384 ${ledger.sha384}, got ${digest.sha384}`,
      { hint: 'the inputs are right, so this program writes archives differently from the one that wrote the ledger' },
    );
  });
}

/** Content by path in the archive. `check: false` is for writing a ledger: inputs are still held to their own digests. */
export async function gatherFiles(
  { node, debian, snapshot }: ArchiveLedger,
  options: PackOptions,
  check: boolean,
): Promise<Map<string, Buffer>> {
  const files = new Map<string, Buffer>();
  const take = (what: string, wanted: readonly WantedFile[], found: ReadonlyMap<string, Buffer>): void => {
    for (const { from, to, sha384 } of wanted) {
      const bytes = found.get(from) ?? Buffer.alloc(0);
      const digest = createHash('sha384').update(bytes).digest('hex');
      if (check && digest !== sha384) {
        throw new VerificationError<RuntimeErrorCode>(
          'RUNTIME_DIGEST',
          `${from} of ${what} must have SHA-384 ${sha384}, got ${digest}`,
        );
      }
      files.set(to, bytes);
    }
  };
  take(node.name, node.files, await findNode(node, options));
  for (const one of debian) {
    const what = `${one.name} ${one.version}`;
    const urls = debianUrls(one.path, snapshot, options.mirror);
    const deb = await fetchPinned({ name: what, urls, size: one.size, sha256: one.sha256 }, options);
    take(
      what,
      one.files,
      await readDebianFiles(
        deb,
        one.files.map(({ from }) => from),
      ),
    );
  }
  return files;
}

/** Into an empty file. Sorted by path, so that the order of inputs does not matter. */
export async function writeArchive(
  file: FileHandle,
  architecture: Architecture,
  ledger: ArchiveLedger,
  files: ReadonlyMap<string, Buffer>,
): Promise<FileDigest> {
  const all = new Map([...files, [RUNTIME_MANIFEST, describe(architecture, ledger)]]);
  const entries = [...all.keys()].sort().map((name) => {
    const isProgram = /^(runtime\/bin\/|runtime\/lib\/ld-|busybox$)/.test(name);
    return {
      path: name,
      kind: 'file' as const,
      mode: isProgram ? 0o755 : 0o644,
      content: all.get(name) ?? Buffer.alloc(0),
    };
  });
  for await (const piece of writeTar(entries)) await file.writeFile(piece);
  const { pieces, digest } = digestPieces(file);
  for await (const _ of pieces);
  return digest();
}

// What it was made of, for whoever has the archive alone. No digest of files: they are beside it.
function describe(architecture: Architecture, { node, debian }: ArchiveLedger): Buffer {
  const inputs = [
    { name: node.name, version: node.version, integrity: node.integrity },
    ...debian.map(({ name, version, sha256 }) => ({
      name,
      version,
      architecture: ARCHITECTURES[architecture].debian,
      sha256,
    })),
  ];
  return Buffer.from(`${JSON.stringify({ v: 1, node: node.version, architecture, inputs }, undefined, 2)}\n`);
}

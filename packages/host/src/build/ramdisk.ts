// The two ramdisks of an image, as entries of archives. First what is measured as PCR1 with the kernel: PID 1 and its words. Then all the
// rest, in AWS's layout, so that AWS's own init can boot the image as a plain one. Every file is hashed while it is written.
import { createHash } from 'node:crypto';
import { type CpioArchive, type CpioEntry, createCpio } from '@caisson/core/cpio';
import { PolicyError } from '@caisson/core/errors';
import { runtimeArgv } from '../runtime/index.ts';
import type { RootTree, TreeContent, TreeEntry } from '../tree/index.ts';
import type { ImageCommand } from './command.ts';
import type { BuildErrorCode } from './error-code.ts';
import type { BuildPlan } from './plan.ts';
import { createBytesContent, createPartContent, ENCLAVE_PROGRAM } from './root-tree.ts';

/** One entry of one ramdisk, as the manifest has it. Digests are there once the ramdisk was written. */
export interface ManifestFile {
  readonly ramdisk: number;
  readonly path: string;
  readonly kind: CpioEntry['kind'];
  /** Four octal digits. */
  readonly mode: string;
  readonly uid: number;
  readonly gid: number;
  readonly size: number;
  readonly origin: string;
  sha256?: string;
  sha384?: string;
  readonly target?: string;
  readonly device?: string;
}

export interface Ramdisk {
  readonly archive: CpioArchive;
  readonly files: readonly ManifestFile[];
}

export function createBootRamdisk({ settings, toolchain, kernel }: BuildPlan): Ramdisk {
  const own = { uid: 0, gid: 0, origin: 'caisson' };
  const text = (lines: readonly string[]): TreeEntry => textEntry(lines.map((line) => `${line}\n`).join(''));
  const { init } = toolchain;
  const module = kernel.nsmModule;
  return createRamdisk(0, [
    ['dev', { kind: 'directory', mode: 0o755, ...own }],
    ['init', { kind: 'file', mode: 0o755, ...own, content: createPartContent(init.path, init.size) }],
    ...(module === null
      ? []
      : [['nsm.ko', { kind: 'file', mode: 0o644, ...own, origin: 'kernel', content: module.content }] as const]),
    ['profile', text([settings.profile])],
    ...(settings.init === 'caisson' ? [['supervisor', text(supervisorArgv(settings.architecture))] as const] : []),
  ]);
}

export function createApplicationRamdisk(tree: RootTree, { argv, environment }: ImageCommand): Ramdisk {
  const environmentLines = Object.entries(environment).map(([name, value]) => `${name}=${value}\n`);
  return createRamdisk(1, [
    ['cmd', textEntry(argv.map((word) => `${word}\n`).join(''))],
    ['env', textEntry(environmentLines.join(''))],
    ['rootfs', { kind: 'directory', mode: 0o755, uid: 0, gid: 0, origin: 'caisson' }],
    ...[...tree].map(([path, entry]) => [`rootfs/${path}`, resolved(tree, path, entry)] as const),
  ]);
}

// Chosen (bench/init, R-I7): the memory of an enclave is paid for. Garbage is taken out early, which costs a supervisor nothing that shows;
// more than this in use is a fault, and PID 1 starts another.
const memoryFlags = ['--max-old-space-size=96', '--max-semi-space-size=1'];

function supervisorArgv(architecture: 'x86_64' | 'aarch64'): string[] {
  return [...runtimeArgv(architecture), ...memoryFlags, `/${ENCLAVE_PROGRAM}`, 'supervise'];
}

/** A ramdisk has no hard links: a second name is a file of its own with the same content. */
function resolved(tree: RootTree, path: string, entry: TreeEntry): TreeEntry {
  if (entry.kind !== 'hardlink') return entry;
  const target = tree.get(entry.target);
  if (target !== undefined && target.kind !== 'directory' && target.kind !== 'hardlink') return target;
  throw new PolicyError<BuildErrorCode>(
    'BUILD_CLASH',
    `hard link ${path} must lead to a file of the source, got ${JSON.stringify(entry.target)}`,
  );
}

function createRamdisk(ramdisk: number, entries: readonly (readonly [path: string, entry: TreeEntry])[]): Ramdisk {
  const files: ManifestFile[] = [];
  const archive = createCpio(
    entries.map(([path, entry]) => {
      const file = manifestFile(ramdisk, path, entry);
      files.push(file);
      return archiveEntry(path, entry, file);
    }),
  );
  return { archive, files };
}

function manifestFile(ramdisk: number, path: string, entry: TreeEntry): ManifestFile {
  const { kind, mode, uid, gid, origin } = entry;
  return {
    ramdisk,
    path,
    kind: kind === 'hardlink' ? 'file' : kind,
    mode: mode.toString(8).padStart(4, '0'),
    uid,
    gid,
    origin,
    size: kind === 'file' ? entry.content.size : 0,
    ...(kind === 'symlink' && { target: entry.target }),
    ...((kind === 'character' || kind === 'block') && { device: `${entry.major}:${entry.minor}` }),
  };
}

function archiveEntry(path: string, entry: TreeEntry, file: ManifestFile): CpioEntry {
  const { mode, uid, gid } = entry;
  const own = { path, mode, uid, gid };
  if (entry.kind === 'file') return { ...own, kind: 'file', content: hashed(entry.content, file) };
  if (entry.kind === 'symlink') return { ...own, kind: 'symlink', target: entry.target };
  if (entry.kind === 'character' || entry.kind === 'block') {
    return { ...own, kind: entry.kind, major: entry.major, minor: entry.minor };
  }
  if (entry.kind === 'hardlink') throw new TypeError(`hard link ${path} must be resolved before it is written`);
  return { ...own, kind: entry.kind };
}

function hashed(content: TreeContent, file: ManifestFile): TreeContent {
  return {
    size: content.size,
    async *open() {
      const [sha256, sha384] = [createHash('sha256'), createHash('sha384')];
      for await (const piece of content.open()) {
        sha256.update(piece);
        sha384.update(piece);
        yield piece;
      }
      file.sha256 = sha256.digest('hex');
      file.sha384 = sha384.digest('hex');
    },
  };
}

function textEntry(text: string): TreeEntry {
  const content = createBytesContent(Buffer.from(text));
  return { kind: 'file', mode: 0o644, uid: 0, gid: 0, origin: 'caisson', content };
}

// What a simulation must know of an image before it unpacks one byte: that its ramdisks can be written anywhere at all, that its first process is
// ours, and whether its enclave program is the one that knows only real walls.
import type { StreamedCpioEntry } from '@caisson/core/cpio';
import { LimitError, PolicyError } from '@caisson/core/errors';
import { MAX_MEASURED_SERVICES_BYTES } from '@caisson/core/measured';
import type { BackendErrorCode } from '../backend/index.ts';
import type { ImageFile, LeftOut } from '../image/index.ts';
import { type ExtractPlan, planExtract } from '../image/plan-extract.ts';
import { openRamdisk, type RamdiskPlace } from '../image/ramdisk.ts';
import type { Hides } from './stage.ts';

export interface ReadImage {
  readonly plan: ExtractPlan;
  /** Sum of all files. */
  readonly bytes: number;
  readonly profile: 'development' | 'production';
  /** It holds Caisson's enclave program, at PROGRAM_PATH. */
  readonly hasProgram: boolean;
  /** What the image measures of its services; undefined in a plain image. */
  readonly services: Uint8Array | undefined;
  /** Entries that are not unpacked: devices, fifos, and what would lie under a mount of the simulation. */
  readonly leftOut: readonly LeftOut[];
}

// Given: host/build.
export const PROGRAM_PATH = 'rootfs/usr/lib/caisson/caisson-enclave.mjs';
export const LAUNCHER_PATH = 'rootfs/usr/lib/caisson/caisson-launcher';
export const SERVICES_PATH = 'rootfs/etc/caisson/services.json';
/** Top-level names that PID 1 reads; the rest of a boot ramdisk is the kernel's. */
const topNames = new Set(['init', 'profile', 'supervisor', 'cmd', 'env', 'rootfs']);
const ownMark = Buffer.from('caisson-init: ');
// Chosen: our PID 1 has less than 1 MiB.
const maxInitBytes = 16 << 20;
const maxProfileBytes = 64;

/** True for entries that are unpacked. `rootfs` itself always is. */
export function isWanted(path: string, { made, hidden }: Hides): boolean {
  const [top = ''] = path.split('/', 1);
  const isIn = (folder: string): boolean => path.startsWith(`${folder}/`);
  if (!topNames.has(top) || hidden.some(isIn)) return false;
  return !made.some((folder) => folder !== 'rootfs' && (path === folder || isIn(folder)));
}

/** Throws PolicyError BACKEND_IMAGE or IMAGE_ENTRY, LimitError BACKEND_CAPACITY, and what `openRamdisk` throws. */
export async function readImage(
  file: ImageFile,
  ramdisks: readonly RamdiskPlace[],
  maxBytes: number,
  hides: Hides,
): Promise<ReadImage> {
  const kept = new Map<string, Buffer>();
  const leftOut: LeftOut[] = [];
  let bytes = 0;
  async function* entries(): AsyncGenerator<StreamedCpioEntry> {
    for (const section of ramdisks) {
      for await (const entry of openRamdisk(file, section)) {
        if (entry.fault === undefined && !isWanted(entry.path, hides)) continue;
        bytes += entry.size;
        if (bytes > maxBytes) throw exceeded(file, maxBytes);
        const limit = keptBytes(entry.path);
        if (limit !== undefined && entry.kind === 'file') kept.set(entry.path, await contentOf(file, entry, limit));
        yield entry;
      }
    }
  }
  const plan = await planExtract(entries());
  for (const one of plan.leftOut) if (!one.why.startsWith('link to')) leftOut.push(one);
  const init = kept.get('init');
  if (init === undefined || !init.includes(ownMark)) {
    throw refused(
      file,
      'must have the first process of Caisson in its boot ramdisk',
      'build it with caisson build; others boot in qemu and on nitro',
    );
  }
  if (!plan.folders.includes('rootfs')) throw refused(file, 'must have its root file system in rootfs/');
  // Read as PID 1 reads it: without a word it is production.
  const profile = kept.get('profile')?.toString('latin1') === 'development\n' ? 'development' : 'production';
  return { plan, bytes, profile, hasProgram: plan.files.has(PROGRAM_PATH), services: kept.get(SERVICES_PATH), leftOut };
}

function keptBytes(path: string): number | undefined {
  if (path === 'init') return maxInitBytes;
  if (path === SERVICES_PATH) return MAX_MEASURED_SERVICES_BYTES;
  return path === 'profile' ? maxProfileBytes : undefined;
}

async function contentOf(file: ImageFile, entry: StreamedCpioEntry, limit: number): Promise<Buffer> {
  if (entry.size > limit) throw refused(file, `must have at most ${limit} bytes in ${entry.path}, got ${entry.size}`);
  const pieces: Uint8Array[] = [];
  for await (const piece of entry.content()) pieces.push(piece.slice());
  return Buffer.concat(pieces);
}

function exceeded({ path }: ImageFile, maxBytes: number): LimitError<BackendErrorCode> {
  const message = `image ${path} must fit into ${maxBytes / 2 ** 20} MiB of memory when it is unpacked, got more`;
  return new LimitError('BACKEND_CAPACITY', message, { hint: 'give the enclave more memory' });
}

function refused({ path }: ImageFile, bound: string, hint?: string): PolicyError<BackendErrorCode> {
  return new PolicyError('BACKEND_IMAGE', `image ${path} ${bound}`, hint === undefined ? {} : { hint });
}

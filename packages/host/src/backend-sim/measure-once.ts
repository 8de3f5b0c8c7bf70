// What an image measures, remembered for the next start of the same file: hashing a hundred megabytes is most of what a simulated start takes. A
// file is the same by device, inode, size and both times; ctime is the kernel's and cannot be set by who may not set the clock. The
// memory lies in the state folder, which is the caller's own (0700): whoever writes there could as well change the program that simulates. Only
// the simulator believes it; on hardware and in QEMU others measure, and they are compared with what the file holds now.
import { createHash } from 'node:crypto';
import { mkdir, readdir, readFile, rm, stat } from 'node:fs/promises';
import { join } from 'node:path';
import * as z from 'zod';
import { replaceFile } from '../file/index.ts';
import { type ImageFile, type ImageMeasurements, measureOpenImage, ramdisksOf } from '../image/index.ts';
import type { RamdiskPlace } from '../image/ramdisk.ts';

export interface MeasuredOnce {
  readonly measurements: ImageMeasurements;
  readonly ramdisks: readonly RamdiskPlace[];
}

// Chosen. On a kernel with a coarse clock for files, two changes within a moment can have the same time: a file this young is measured again.
const settledMs = 2_000;
const maxKept = 64;
const maxKeptBytes = 16_384;

const pcr = z.string().regex(/^[0-9a-f]{96}$/);
const count = z.int().min(0);
const kept = z.strictObject({
  v: z.literal(1),
  identity: z.string(),
  measurements: z.strictObject({ PCR0: pcr, PCR1: pcr, PCR2: pcr, PCR8: pcr.exactOptional() }),
  ramdisks: z.array(z.strictObject({ offset: count, size: count })).max(32),
});

/** Throws what `measureOpenImage` throws. */
export async function measureOnce(file: ImageFile, state: string): Promise<MeasuredOnce> {
  const folder = join(state, 'sim-measured');
  const path = join(folder, `${createHash('sha256').update(file.identity).digest('hex')}.json`);
  const known = await readKept(path, file.identity);
  if (known !== undefined) return known;
  const isSettled = Date.now() - file.changedMs > settledMs;
  const { measurements, survey } = await measureOpenImage(file);
  const ramdisks = ramdisksOf(survey.sections).map(({ offset, size }) => ({ offset, size }));
  await file.requireUnchanged();
  if (isSettled) await keep(folder, path, { v: 1, identity: file.identity, measurements, ramdisks });
  return { measurements, ramdisks };
}

/** Anything that is not exactly our form is ignored, and the image is measured again. */
async function readKept(path: string, identity: string): Promise<MeasuredOnce | undefined> {
  try {
    if ((await stat(path)).size > maxKeptBytes) return undefined;
    const { success, data } = kept.safeParse(JSON.parse(await readFile(path, 'utf8')));
    if (!success || data.identity !== identity) return undefined;
    const { measurements, ramdisks } = data;
    return { measurements, ramdisks };
  } catch {
    return undefined;
  }
}

async function keep(folder: string, path: string, value: z.infer<typeof kept>): Promise<void> {
  await mkdir(folder, { mode: 0o700, recursive: true });
  const names = (await readdir(folder)).filter((name) => name.endsWith('.json'));
  // All are dropped at once: to find the oldest is not worth the effort, and each comes back with the next start.
  if (names.length >= maxKept) for (const name of names) await rm(join(folder, name), { force: true });
  await replaceFile(path, (file) => file.writeFile(`${JSON.stringify(value)}\n`), { mode: 0o600 });
}

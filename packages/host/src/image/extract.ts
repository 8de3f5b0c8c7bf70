// Takes an image apart into a folder of its own that did not exist: each section as a file, each ramdisk as a tree. The order is the
// defence: everything is planned first, folders and files are made new (O_EXCL, no link followed), and links come
// last, when nothing is written any more. Owners, times, setuid bits and devices stay in the archive.
import { constants } from 'node:fs';
import { chmod, copyFile, mkdir, open, rm, symlink } from 'node:fs/promises';
import { join, resolve } from 'node:path';
import type { EifSurvey, SurveyedSection } from '@caisson/core/eif';
import { CaissonError, LimitError } from '@caisson/core/errors';
import type { ImageErrorCode } from './error-code.ts';
import type { ImageFile } from './image-file.ts';
import { type LeftOut, planExtract } from './plan-extract.ts';
import { isReadable, openRamdisk, readRamdiskForm } from './ramdisk.ts';

export interface Extracted {
  /** Relative to the folder: sections as they stand. */
  readonly sections: readonly string[];
  /** Relative to the folder. */
  readonly trees: readonly { readonly path: string; readonly files: number; readonly leftOut: readonly LeftOut[] }[];
}

// Chosen: of all trees together. A ramdisk in gzip can say anything about its size.
const defaultMaxTreeBytes = 2 ** 35;

/** `folder` must not exist; after a failure it does not. Throws CaissonError IMAGE_FOLDER, PolicyError IMAGE_ENTRY, LimitError IMAGE_LIMIT. */
export async function extractImage(
  file: ImageFile,
  { sections }: Pick<EifSurvey, 'sections'>,
  folder: string,
  maxTreeBytes = defaultMaxTreeBytes,
): Promise<Extracted> {
  const root = resolve(folder);
  try {
    // Nobody else may put a link into it meanwhile.
    await mkdir(root, { mode: 0o700 });
  } catch (cause) {
    const why = (cause as NodeJS.ErrnoException).code;
    throw new CaissonError<ImageErrorCode>('IMAGE_FOLDER', `cannot make folder ${folder}: ${why}`, {
      cause,
      hint: 'name a folder that does not exist yet, in one that does',
    });
  }
  try {
    const extracted = await writeAll(file, sections, root, maxTreeBytes);
    await file.requireUnchanged();
    return extracted;
  } catch (error) {
    await rm(root, { recursive: true, force: true });
    throw error;
  }
}

async function writeAll(
  file: ImageFile,
  sections: readonly SurveyedSection[],
  root: string,
  maxTreeBytes: number,
): Promise<Extracted> {
  const names: string[] = [];
  const trees: Extracted['trees'][number][] = [];
  const room = { left: maxTreeBytes };
  let ramdisk = 0;
  for (const [index, section] of sections.entries()) {
    const name = nameOf(section, index, ramdisk);
    await writeNew(join(root, name), file.pieces(section.offset, section.size), 0o600);
    names.push(name);
    if (section.kind !== 'ramdisk') continue;
    if (isReadable(await readRamdiskForm(file, section))) {
      const path = `ramdisk-${ramdisk}`;
      trees.push({ path, ...(await writeTree(file, section, join(root, path), room)) });
    }
    ramdisk += 1;
  }
  return { sections: names, trees };
}

// Numbered by what it is, so that two of a kind in a damaged image do not meet.
function nameOf({ kind }: SurveyedSection, index: number, ramdisk: number): string {
  if (kind === 'ramdisk') return `ramdisk-${ramdisk}.img`;
  const endings: Readonly<Record<string, string>> = { metadata: '.json', signature: '.cbor', cmdline: '.txt' };
  return `${index}-${kind}${endings[kind] ?? '.bin'}`;
}

async function writeTree(
  file: ImageFile,
  section: SurveyedSection,
  root: string,
  room: { left: number },
): Promise<{ files: number; leftOut: readonly LeftOut[] }> {
  const plan = await planExtract(openRamdisk(file, section));
  const at = (path: string): string => join(root, path);
  await mkdir(root, { mode: 0o700 });
  for (const path of plan.folders) await mkdir(at(path), { mode: 0o700 });
  const folders = new Set(plan.folders);
  const modes = new Map<string, number>();
  for await (const entry of openRamdisk(file, section)) {
    if (entry.kind !== 'file' && entry.kind !== 'directory') continue;
    // The file is read a second time: what was not planned was not looked at.
    if (!plan.files.has(entry.path) && !folders.has(entry.path)) {
      throw new CaissonError<ImageErrorCode>(
        'IMAGE_CHANGED',
        `image ${file.path} must not change while it is read, got ${JSON.stringify(entry.path)} the second time only`,
      );
    }
    // The person who extracts can always read and delete what came out.
    modes.set(entry.path, (entry.mode & 0o777) | (entry.kind === 'directory' ? 0o700 : 0o600));
    if (entry.kind === 'directory' || plan.copies.has(entry.path)) continue;
    room.left -= entry.size;
    if (room.left < 0) {
      throw new LimitError<ImageErrorCode>(
        'IMAGE_LIMIT',
        `cannot extract ${JSON.stringify(entry.path)}: trees must not have more bytes in all, got ${-room.left} too many`,
      );
    }
    await writeNew(at(entry.path), entry.content(), 0o600);
  }
  for (const [path, holder] of plan.copies) await copyFile(at(holder), at(path), constants.COPYFILE_EXCL);
  for (const [path, mode] of [...modes].reverse()) await chmod(at(path), mode);
  for (const [path, target] of plan.links) await symlink(target, at(path));
  return { files: plan.files.size, leftOut: plan.leftOut };
}

async function writeNew(path: string, pieces: AsyncIterable<Uint8Array>, mode: number): Promise<void> {
  const { O_WRONLY, O_CREAT, O_EXCL, O_NOFOLLOW } = constants;
  const out = await open(path, O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW, mode);
  try {
    for await (const piece of pieces) await out.writeFile(piece);
  } finally {
    await out.close();
  }
}

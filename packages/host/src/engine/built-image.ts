// Images that `up` and `run` build: `STATE/built/NAME/KEY.eif` with its manifest beside it, where KEY is of everything that it was made of. The same
// key again is the same image, so it is not built again.
import { existsSync } from 'node:fs';
import { readdir, readFile, rm, rmdir, stat } from 'node:fs/promises';
import { join } from 'node:path';
import { MAX_MANIFEST_BYTES, manifestPathOf, parseManifest } from '../build/index.ts';
import { sweepTemporaries } from '../file/index.ts';
import { checkEnclaveName, isEnclaveName, openStateFolder, readSpec } from '../record/index.ts';
import { claimImage, lockFolder, readClaims } from './image-claim.ts';
import { factsOfManifest, type ImageFacts } from './image-facts.ts';

// Given by `openBuilt`.
const nameForm = /^([0-9a-f]{32})\.eif(\.json|\.cdx\.json)?$/;

/** Claimed, in its folder, until `release` is called. Throws CaissonError RECORD_STATE. */
export async function openBuilt(
  state: string,
  name: string,
  key: string,
): Promise<{ readonly path: string; readonly release: () => Promise<void> }> {
  await openStateFolder(state);
  const path = join(builtFolder(state, name), `${key.slice(0, 32)}.eif`);
  return { path, release: await claimImage(path) };
}

/** Undefined where it was not built, or not to its end. */
export async function findBuilt(path: string): Promise<ImageFacts | undefined> {
  const manifest = manifestPathOf(path);
  if (!existsSync(path) || !existsSync(manifest)) return undefined;
  const { size } = await stat(manifest);
  if (size > MAX_MANIFEST_BYTES) return undefined;
  try {
    const facts = factsOfManifest(path, parseManifest(await readFile(manifest, 'utf8'), manifest));
    return (await stat(path)).size === facts.bytes ? facts : undefined;
  } catch {
    // Of another program's version, or damaged: it is built again.
    return undefined;
  }
}

/** All but `keep`, and with it the one that the record names: what runs may be of another key and the same measurements. What is no image of ours stays. */
export async function pruneBuilt(state: string, name: string, keep: string | null): Promise<void> {
  const recorded = keep === null ? undefined : await readSpec(state, name).catch(() => undefined);
  const isKept = async (path: string): Promise<boolean> => path === keep || path === recorded?.image;
  await sweepBuilt(builtFolder(state, name), { isKept });
}

export interface SweptImage {
  readonly path: string;
  /** With what lies beside it. */
  readonly bytes: number;
}

export interface SweepBuiltOptions {
  readonly isKept: (path: string) => Promise<boolean>;
  /** Nothing is changed. */
  readonly dryRun?: boolean;
}

/** Removes images of a folder of `built` that nobody keeps or is about to use, and the folder with the last of them. */
export async function sweepBuilt(
  folder: string,
  { isKept, dryRun = false }: SweepBuiltOptions,
): Promise<readonly SweptImage[]> {
  if (!existsSync(folder)) return [];
  const sweep = async (): Promise<SweptImage[]> => {
    // Whoever gives up a claim has written a record before: claims are read first, and records by `isKept` afterwards.
    const claimed = await readClaims(folder);
    const swept: SweptImage[] = [];
    for (const [image, files] of await imagesIn(folder)) {
      const path = join(folder, image);
      if (claimed.has(image) || (await isKept(path))) continue;
      const sizes = await Promise.all(files.map((file) => stat(join(folder, file))));
      swept.push({ path, bytes: sizes.reduce((sum, { size }) => sum + size, 0) });
      if (!dryRun) for (const file of files) await rm(join(folder, file), { force: true });
    }
    if (!dryRun) await sweepTemporaries(folder);
    return swept;
  };
  if (dryRun) return await sweep();
  const swept = await lockFolder(folder, sweep);
  await rmdir(folder).catch(() => {});
  return swept;
}

/** By the image that they belong to. */
async function imagesIn(folder: string): Promise<Map<string, string[]>> {
  const found = new Map<string, string[]>();
  for (const file of await readdir(folder)) {
    const key = nameForm.exec(file)?.[1];
    if (key !== undefined) found.set(`${key}.eif`, [...(found.get(`${key}.eif`) ?? []), file]);
  }
  return found;
}

/** Folders of images, by the enclave that they were built for. */
export async function listBuilt(state: string): Promise<readonly { readonly name: string; readonly folder: string }[]> {
  const entries = await readdir(join(state, 'built'), { withFileTypes: true }).catch(() => []);
  return entries
    .filter((entry) => entry.isDirectory() && isEnclaveName(entry.name))
    .map(({ name }) => ({ name, folder: builtFolder(state, name) }));
}

function builtFolder(state: string, name: string): string {
  checkEnclaveName(name);
  return join(state, 'built', name);
}

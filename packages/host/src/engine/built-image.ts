// Images that `up` and `run` build: `STATE/built/NAME/KEY.eif` with its manifest beside it. KEY is a digest of everything that goes into the image,
// so an image whose key is there already is not built again.
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

/**
 * Where the image with this key is or will be. It is claimed, so that no `prune` takes it, until `release` is called. Throws CaissonError
 * RECORD_STATE.
 */
export async function openBuilt(
  state: string,
  name: string,
  key: string,
): Promise<{ readonly path: string; readonly release: () => Promise<void> }> {
  await openStateFolder(state);
  const path = join(builtFolder(state, name), `${key.slice(0, 32)}.eif`);
  return { path, release: await claimImage(path) };
}

/** Undefined where the image was never built, or its build was cut short. */
export async function findBuilt(path: string): Promise<ImageFacts | undefined> {
  const manifest = manifestPathOf(path);
  if (!existsSync(path) || !existsSync(manifest)) return undefined;
  const { size } = await stat(manifest);
  if (size > MAX_MANIFEST_BYTES) return undefined;
  try {
    const facts = factsOfManifest(path, parseManifest(await readFile(manifest, 'utf8'), manifest));
    return (await stat(path)).size === facts.bytes ? facts : undefined;
  } catch {
    // A manifest that cannot be read is damaged or of another version: the image is built again.
    return undefined;
  }
}

/**
 * Removes the built images of one enclave, except `keep` and the one that its record names (which can have another key and the same measurements).
 * Files that are not built images stay.
 */
export async function pruneBuilt(state: string, name: string, keep: string | null): Promise<void> {
  const recorded = keep === null ? undefined : await readSpec(state, name).catch(() => undefined);
  const isKept = async (path: string): Promise<boolean> => path === keep || path === recorded?.image;
  await sweepBuilt(builtFolder(state, name), { isKept });
}

export interface SweptImage {
  readonly path: string;
  /** Size of the image and of the files beside it. */
  readonly bytes: number;
}

export interface SweepBuiltOptions {
  readonly isKept: (path: string) => Promise<boolean>;
  /** Only lists what would be removed. */
  readonly dryRun?: boolean;
}

/** Removes every image in one folder of `built` that is neither kept nor claimed, and then the folder, if it is empty. */
export async function sweepBuilt(
  folder: string,
  { isKept, dryRun = false }: SweepBuiltOptions,
): Promise<readonly SweptImage[]> {
  if (!existsSync(folder)) return [];
  const sweep = async (): Promise<SweptImage[]> => {
    // The order matters: a claim is given up only after a record names the image. Claims are read before records, so an image cannot fall between
    // the two.
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

/** Files in the folder, by the image that they belong to. */
async function imagesIn(folder: string): Promise<Map<string, string[]>> {
  const found = new Map<string, string[]>();
  for (const file of await readdir(folder)) {
    const key = nameForm.exec(file)?.[1];
    if (key !== undefined) found.set(`${key}.eif`, [...(found.get(`${key}.eif`) ?? []), file]);
  }
  return found;
}

/** Every folder of built images, with the enclave that it belongs to. */
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

// Images that `up` and `run` build: `STATE/built/NAME/KEY.eif` with its manifest beside it, where KEY is of everything that it was made of. The same
// key again is the same image, so it is not built again.
import { existsSync } from 'node:fs';
import { mkdir, readdir, readFile, rm, stat } from 'node:fs/promises';
import { join } from 'node:path';
import { MAX_MANIFEST_BYTES, manifestPathOf, parseManifest } from '../build/index.ts';
import { checkEnclaveName, openStateFolder, readSpec, stateFault } from '../record/index.ts';
import { factsOfManifest, type ImageFacts } from './image-facts.ts';

// Given by `builtPath`.
const nameForm = /^([0-9a-f]{32})\.eif(\.json|\.cdx\.json)?$/;

/** The folder is made. */
export async function builtPath(state: string, name: string, key: string): Promise<string> {
  const folder = builtFolder(state, name);
  await openStateFolder(state);
  await mkdir(folder, { recursive: true, mode: 0o700 }).catch((error: unknown) => {
    throw stateFault(`cannot make folder ${folder}`, error);
  });
  return join(folder, `${key.slice(0, 32)}.eif`);
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
  const folder = builtFolder(state, name);
  const names = await readdir(folder).catch(() => []);
  const recorded = keep === null ? undefined : await readSpec(state, name).catch(() => undefined);
  for (const file of names) {
    const key = nameForm.exec(file)?.[1];
    if (key === undefined || [keep, recorded?.image].includes(join(folder, `${key}.eif`))) continue;
    await rm(join(folder, file), { force: true });
  }
  if (keep === null && names.length > 0) await rm(folder, { recursive: true, force: true });
}

function builtFolder(state: string, name: string): string {
  checkEnclaveName(name);
  return join(state, 'built', name);
}

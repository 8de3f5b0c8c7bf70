// Images by content. FOLDER/images/SHA384/{image.eif,record.json} and FOLDER/tags/NAME/VERSION, a file that holds a SHA-384. An image
// appears by the rename of its whole folder and a tag by the rename of its file, so a process that dies leaves temporaries and never
// half an image; whoever changes the store holds its lock.
import { createHash } from 'node:crypto';
import { mkdir, open, readdir, readFile, rename, rm, stat } from 'node:fs/promises';
import { join } from 'node:path';
import { toHex } from '@caisson/core/bytes';
import { CaissonError, PolicyError } from '@caisson/core/errors';
import { replaceFile, sweepTemporaries, syncFolder, temporaryBeside, withLock } from '../file/index.ts';
import { type ImageMeasurements, measureImage, openImageFile } from '../image/index.ts';
import type { StoreErrorCode } from './error-code.ts';
import { formatRecord, type ImageRecord, parseRecord } from './record.ts';
import { type ImageTag, isImageTag, parseImageReference, parseImageTag, tagText } from './tag.ts';
import { requireVersion } from './version.ts';

export interface StoredImage extends ImageRecord {
  /** SHA-384 of the file, hex. */
  readonly id: string;
  readonly tags: readonly string[];
}

export interface ImageStore {
  readonly folder: string;
  /** By tag, then by id. */
  list(): Promise<readonly StoredImage[]>;
  /** Copies the file at `path`, which must be a sound image. The same bytes again change nothing. */
  add(path: string, tag?: string): Promise<StoredImage>;
  /** Gives a stored image one more name; a name of another image moves. */
  tag(reference: string, tag: string): Promise<StoredImage>;
  /** A name: drops it, and the image with its last name. An id: drops image and name, or refuses one with several names. */
  remove(reference: string): Promise<{ readonly untagged: readonly string[]; readonly deleted: string | undefined }>;
  /** Images without a name, but for those that `isKept` says of; removed, unless it is a `dryRun`. */
  prune(
    isKept: (path: string) => Promise<boolean>,
    options: { readonly dryRun: boolean },
  ): Promise<readonly StoredImage[]>;
  /** The file of an image, after its digest was held against its name. Throws STORE_UNKNOWN, STORE_AMBIGUOUS, STORE_DAMAGED. */
  open(reference: string): Promise<{ readonly path: string; readonly image: StoredImage }>;
}

/** Makes the folder when it is missing (0700). Throws CaissonError STORE_VERSION for the store of a newer program, and changes nothing in it. */
export async function openImageStore(folder: string): Promise<ImageStore> {
  await mkdir(folder, { recursive: true, mode: 0o700 });
  await requireVersion(folder);
  const images = join(folder, 'images');
  const tags = join(folder, 'tags');
  await mkdir(images, { recursive: true, mode: 0o700 });
  await mkdir(tags, { recursive: true, mode: 0o700 });
  const locked = <Result>(run: () => Promise<Result>): Promise<Result> =>
    withLock(join(folder, 'lock'), async () => {
      await sweepTemporaries(images);
      return await run();
    });

  async function readTags(): Promise<Map<string, string>> {
    const found = new Map<string, string>();
    for (const name of (await readdir(tags)).sort()) {
      for (const version of (await readdir(join(tags, name))).sort()) {
        // Temporaries of a process that is writing a tag.
        if (!isImageTag(`${name}:${version}`)) continue;
        found.set(`${name}:${version}`, (await readFile(join(tags, name, version), 'latin1')).trim());
      }
    }
    return found;
  }

  async function list(): Promise<StoredImage[]> {
    const named = await readTags();
    const found: StoredImage[] = [];
    for (const id of await readdir(images)) {
      if (!/^[0-9a-f]{96}$/.test(id)) continue;
      const record = parseRecord(await readFile(join(images, id, 'record.json'), 'utf8'), id);
      found.push({ id, ...record, tags: [...named].filter(([, of]) => of === id).map(([tag]) => tag) });
    }
    const key = ({ tags: [first], id }: StoredImage): string => `${first ?? '~'} ${id}`;
    return found.sort((one, other) => (key(one) < key(other) ? -1 : 1));
  }

  async function find(reference: string): Promise<StoredImage> {
    const wanted = parseImageReference(reference);
    const found = (await list()).filter((image) =>
      wanted.kind === 'tag' ? image.tags.includes(tagText(wanted.tag)) : image.id.startsWith(wanted.prefix),
    );
    if (found.length === 1) return found[0]!;
    if (found.length === 0)
      throw fault('STORE_UNKNOWN', `no image ${reference} in ${folder}`, 'list them with: caisson images');
    throw fault('STORE_AMBIGUOUS', `image ${reference} must be one image, got ${found.length} whose id begins so`);
  }

  async function writeTag({ name, version }: ImageTag, id: string): Promise<void> {
    await mkdir(join(tags, name), { recursive: true, mode: 0o700 });
    await replaceFile(join(tags, name, version), (file) => file.writeFile(`${id}\n`));
  }

  async function dropTag(tag: string): Promise<void> {
    const { name, version } = parseImageTag(tag);
    await rm(join(tags, name, version), { force: true });
    await syncFolder(join(tags, name));
  }

  async function drop(id: string): Promise<void> {
    // First out of sight, then gone: an image without its record would be a damaged one.
    const aside = temporaryBeside(join(images, id));
    await rename(join(images, id), aside);
    await rm(aside, { recursive: true });
  }

  async function unnamed(isKept: (path: string) => Promise<boolean>): Promise<StoredImage[]> {
    const found: StoredImage[] = [];
    for (const image of await list()) {
      if (image.tags.length === 0 && !(await isKept(join(images, image.id, 'image.eif')))) found.push(image);
    }
    return found;
  }

  return {
    folder,
    list,
    async add(path, tag) {
      const parsed = tag === undefined ? undefined : parseImageTag(tag);
      const measurements = await measureImage(path);
      return await locked(async () => {
        const id = await copyImage(path, images, measurements);
        if (parsed !== undefined) await writeTag(parsed, id);
        return await find(id);
      });
    },
    async tag(reference, tag) {
      const parsed = parseImageTag(tag);
      return await locked(async () => {
        const { id } = await find(reference);
        await writeTag(parsed, id);
        return await find(id);
      });
    },
    async remove(reference) {
      return await locked(async () => {
        const image = await find(reference);
        const isTag = parseImageReference(reference).kind === 'tag';
        if (!isTag && image.tags.length > 1) {
          throw new PolicyError<StoreErrorCode>(
            'STORE_IN_USE',
            `image ${reference} has several names: ${image.tags.join(', ')}`,
            { hint: 'remove it by its names' },
          );
        }
        const untagged = isTag ? [reference] : image.tags;
        const isLast = image.tags.length === untagged.length;
        for (const tag of untagged) await dropTag(tag);
        if (isLast) await drop(image.id);
        return { untagged, deleted: isLast ? image.id : undefined };
      });
    },
    async prune(isKept, { dryRun }) {
      if (dryRun) return await unnamed(isKept);
      return await locked(async () => {
        const found = await unnamed(isKept);
        for (const { id } of found) await drop(id);
        return found;
      });
    },
    async open(reference) {
      const image = await find(reference);
      const path = join(images, image.id, 'image.eif');
      if ((await digestOf(path)) === image.id) return { path, image };
      throw fault(
        'STORE_DAMAGED',
        `image ${reference} must have the digest of its name, got another: ${path}`,
        'remove it and build it again',
      );
    },
  };
}

async function copyImage(path: string, images: string, measurements: ImageMeasurements): Promise<string> {
  const aside = temporaryBeside(join(images, 'new'));
  await mkdir(aside, { mode: 0o700 });
  try {
    const source = await openImageFile(path);
    const hash = createHash('sha384');
    try {
      const target = await open(join(aside, 'image.eif'), 'wx', 0o600);
      try {
        for await (const piece of source.pieces(0, source.size)) {
          hash.update(piece);
          await target.writeFile(piece);
        }
        await source.requireUnchanged();
        await target.sync();
      } finally {
        await target.close();
      }
    } finally {
      await source.close();
    }
    const id = hash.digest('hex');
    if (await isThere(join(images, id))) return id;
    // Measured again where it lies: what is stored is what was copied, not what stood there before.
    const stored = await measureImage(join(aside, 'image.eif'));
    if (stored.PCR0 !== measurements.PCR0)
      throw fault('STORE_DAMAGED', `image ${path} must not change while it is stored`);
    const text = await formatRecord(join(aside, 'image.eif'), stored);
    await replaceFile(join(aside, 'record.json'), (file) => file.writeFile(text));
    await rename(aside, join(images, id));
    await syncFolder(images);
    return id;
  } finally {
    await rm(aside, { recursive: true, force: true });
  }
}

async function digestOf(path: string): Promise<string> {
  const file = await openImageFile(path);
  try {
    const hash = createHash('sha384');
    for await (const piece of file.pieces(0, file.size)) hash.update(piece);
    return toHex(hash.digest());
  } finally {
    await file.close();
  }
}

async function isThere(path: string): Promise<boolean> {
  return await stat(path).then(
    () => true,
    () => false,
  );
}

function fault(code: StoreErrorCode, message: string, hint?: string): CaissonError<StoreErrorCode> {
  return new CaissonError(code, message, hint === undefined ? {} : { hint });
}

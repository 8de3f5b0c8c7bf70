// Where an image may lie: a layout in a folder, the same in a tar archive, and docker's archive before it was a layout too.
import { mkdir, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { digestOf, json, layer, type TestImage } from './image.ts';

type Names = Readonly<Record<string, TestImage>>;

/** `images` by name; the name '' gives none. */
export async function writeLayout(folder: string, images: Names): Promise<void> {
  for (const [path, bytes] of layoutFiles(images)) {
    await mkdir(join(folder, path, '..'), { recursive: true });
    await writeFile(join(folder, path), bytes);
  }
}

export function layoutArchive(images: Names): Buffer {
  return archive([...layoutFiles(images)]);
}

export function dockerArchive(images: Names): Buffer {
  const files = new Map<string, Buffer>();
  const list = Object.entries(images).map(([name, { blobs, config, layers }]) => {
    const path = `${config.digest.slice(7)}.json`;
    files.set(path, blobs.get(config.digest)!);
    const paths = layers.map((bytes) => `${digestOf(bytes).slice(7)}/layer.tar`);
    for (const [index, at] of paths.entries()) files.set(at, layers[index]!);
    return { Config: path, RepoTags: name === '' ? null : [name], Layers: paths };
  });
  files.set('manifest.json', json(list));
  return archive([...files]);
}

function archive(files: readonly (readonly [path: string, bytes: Buffer])[]): Buffer {
  return layer(...files.map(([path, content]) => ({ path, kind: 'file' as const, mode: 0o644, content })));
}

function layoutFiles(images: Names): Map<string, Buffer> {
  const files = new Map([['oci-layout', json({ imageLayoutVersion: '1.0.0' })]]);
  const manifests = Object.entries(images).map(([name, { blobs, manifest }]) => {
    for (const [digest, bytes] of blobs) files.set(`blobs/${digest.replace(':', '/')}`, bytes);
    const annotations = name === '' ? undefined : { 'org.opencontainers.image.ref.name': name };
    return { ...manifest, ...(annotations && { annotations }) };
  });
  return files.set('index.json', json({ schemaVersion: 2, manifests }));
}

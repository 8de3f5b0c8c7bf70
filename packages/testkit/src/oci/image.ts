// An image as blobs by digest, from layers of tar entries.
import { createHash } from 'node:crypto';
import { gzipSync, zstdCompressSync } from 'node:zlib';
import { formatTarHeader, type TarInputEntry } from '@caisson/core/tar';

export interface TestImage {
  readonly blobs: ReadonlyMap<string, Buffer>;
  readonly manifest: { readonly mediaType: string; readonly digest: string; readonly size: number };
  readonly config: { readonly digest: string };
  /** Plain tar, lowest first. */
  readonly layers: readonly Buffer[];
}

export interface TestImageOptions {
  readonly compression?: 'plain' | 'gzip' | 'zstd';
  /** GOARCH. Default amd64. */
  readonly architecture?: string;
  /** Of the image's configuration: Cmd, Entrypoint, Env and so on. */
  readonly config?: Readonly<Record<string, unknown>>;
  /** Docker's media types instead of OCI's. */
  readonly docker?: boolean;
  /** Over what the configuration would say. */
  readonly diffIds?: readonly string[];
}

/** A layer as plain tar. Content is bytes here; sources would have to be read. */
export function layer(...entries: readonly TarInputEntry[]): Buffer {
  const parts: Uint8Array[] = [];
  for (const entry of entries) {
    const content = entry.content instanceof Uint8Array ? entry.content : new Uint8Array();
    parts.push(formatTarHeader(entry, content.length), content, new Uint8Array(-content.length & 511));
  }
  return Buffer.concat([...parts, new Uint8Array(1_024)]);
}

export function createTestImage(layers: readonly Buffer[], options: TestImageOptions = {}): TestImage {
  const { compression = 'gzip', architecture = 'amd64', config = {}, docker = false } = options;
  const blobs = new Map<string, Buffer>();
  const put = (mediaType: string, bytes: Buffer) => {
    const digest = digestOf(bytes);
    blobs.set(digest, bytes);
    return { mediaType, digest, size: bytes.length };
  };
  const pack = { plain: (bytes: Buffer) => bytes, gzip: gzipSync, zstd: zstdCompressSync }[compression];
  const suffix = compression === 'plain' ? '' : docker ? `.${compression}` : `+${compression}`;
  const type = docker ? 'application/vnd.docker.image.rootfs.diff.tar' : 'application/vnd.oci.image.layer.v1.tar';
  const packed = layers.map((bytes) => put(type + suffix, pack(bytes)));
  const own = put(
    docker ? 'application/vnd.docker.container.image.v1+json' : 'application/vnd.oci.image.config.v1+json',
    json({
      architecture,
      os: 'linux',
      config,
      rootfs: { type: 'layers', diff_ids: options.diffIds ?? layers.map(digestOf) },
    }),
  );
  const mediaType = docker
    ? 'application/vnd.docker.distribution.manifest.v2+json'
    : 'application/vnd.oci.image.manifest.v1+json';
  const manifest = put(mediaType, json({ schemaVersion: 2, mediaType, config: own, layers: packed }));
  return { blobs, manifest, config: own, layers };
}

export function digestOf(bytes: Uint8Array): string {
  return `sha256:${createHash('sha256').update(bytes).digest('hex')}`;
}

export function json(value: unknown): Buffer {
  return Buffer.from(JSON.stringify(value));
}

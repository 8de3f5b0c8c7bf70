// Debian packages made in memory: ar around a tar in one of its compressions.
import { spawnSync } from 'node:child_process';
import { gzipSync, zstdCompressSync } from 'node:zlib';
import { writeTar } from '@caisson/core/tar';

export type DebianCompression = '' | '.gz' | '.zst' | '.xz';

/** Paths get the `./` that dpkg writes. `.xz` needs the program. */
export async function createDebianPackage(
  files: Readonly<Record<string, Buffer>>,
  compression: DebianCompression = '.gz',
): Promise<Buffer> {
  const parts: Uint8Array[] = [];
  const entries = Object.entries(files).map(([path, content]) => ({
    path: `./${path}`,
    kind: 'file' as const,
    mode: 0o644,
    content,
  }));
  for await (const piece of writeTar(entries)) parts.push(Buffer.from(piece));
  const tar = Buffer.concat(parts);
  const data = { '': () => tar, '.gz': () => gzipSync(tar), '.zst': () => zstdCompressSync(tar), '.xz': () => xz(tar) };
  return createAr({ 'debian-binary': Buffer.from('2.0\n'), [`data.tar${compression}`]: data[compression]() });
}

export function createAr(members: Readonly<Record<string, Buffer>>): Buffer {
  const parts = Object.entries(members).flatMap(([name, content]) => [
    Buffer.from(`${name.padEnd(16)}${'0'.padEnd(12)}${'0'.padEnd(6)}${'0'.padEnd(6)}${'100644'.padEnd(8)}`),
    Buffer.from(`${String(content.length).padEnd(10)}\`\n`),
    content,
    Buffer.alloc(content.length % 2, '\n'),
  ]);
  return Buffer.concat([Buffer.from('!<arch>\n'), ...parts]);
}

function xz(bytes: Buffer): Buffer {
  return spawnSync('xz', ['--stdout'], { input: bytes }).stdout;
}

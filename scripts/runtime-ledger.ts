// Writes packages/host/ledger/runtime.json anew, after the version of node or of a Debian package in it was changed by hand (name,
// version, pool path, size and SHA-256 of the package, as its own index states them). Digests of the files inside and of
// the archive are computed from those inputs. Run with --conditions=caisson-source.
import { createHash } from 'node:crypto';
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { open } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { Architecture } from '../packages/host/src/runtime/architecture.ts';
import { checkLibraries } from '../packages/host/src/runtime/check-libraries.ts';
import { gatherFiles, writeArchive } from '../packages/host/src/runtime/pack-runtime.ts';
import { type ArchiveLedger, parseArchiveLedger } from '../packages/host/src/runtime/parse-ledger.ts';

const path = join(import.meta.dirname, '../packages/host/ledger/runtime.json');
const ledger = JSON.parse(readFileSync(path, 'utf8')) as {
  snapshot: string;
  archives: Record<Architecture, ArchiveLedger>;
};
const work = mkdtempSync(join(tmpdir(), 'caisson-ledger-'));
for (const [name, archive] of Object.entries(ledger.archives)) {
  const architecture = name as Architecture;
  const input = { ...archive, snapshot: ledger.snapshot };
  const files = await gatherFiles(input, { progress: (line) => console.error(line) }, false);
  checkLibraries(architecture, files);
  const wanted = (one: { readonly from: string; readonly to: string }): object => {
    const bytes = files.get(one.to) ?? Buffer.alloc(0);
    return { ...one, size: bytes.length, sha384: createHash('sha384').update(bytes).digest('hex') };
  };
  const file = await open(join(work, architecture), 'wx+');
  const digest = await writeArchive(file, architecture, input, files);
  await file.close();
  Object.assign(archive, {
    name: `runtime-node-${archive.node.version}-${architecture}.tar`,
    ...digest,
    node: { ...archive.node, files: archive.node.files.map(wanted) },
    debian: archive.debian.map((one) => ({ ...one, files: one.files.map(wanted) })),
  });
}
for (const name of Object.keys(ledger.archives)) parseArchiveLedger(ledger, name as Architecture);
rmSync(work, { recursive: true });
writeFileSync(path, `${JSON.stringify(ledger, undefined, 2)}\n`);

// Against somebody who is in the tree already, and against a sender who chooses every byte: nothing is made, read or kept outside of the root.
import { deepEqual, equal, ok, rejects, throws } from 'node:assert/strict';
import { type ChildProcess, spawn, spawnSync } from 'node:child_process';
import { once } from 'node:events';
import {
  closeSync,
  existsSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  readSync,
  rmSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { type TestContext, test } from 'node:test';
import { encodeCbor } from '@caisson/core/cbor';
import { laneFigure } from '@caisson/testkit/contract';
import { createStreamPair } from '@caisson/testkit/fake';
import { receiveCopy } from '../copy/receive.ts';
import { openTarget } from '../copy/target.ts';
import { RecordWriter, recordType } from '../record.ts';
import { Folder } from './folder.ts';
import { IncomingFile } from './incoming-file.ts';
import { verifyLinkTarget } from './name.ts';
import { sweepFolder } from './sweep.ts';
import { Walk } from './walk.ts';

function folderOf(context: TestContext): string {
  const folder = mkdtempSync(join(tmpdir(), 'caisson-store-'));
  context.after(() => rmSync(folder, { recursive: true, force: true }));
  return folder;
}

const swapper = `
import { renameSync } from 'node:fs';
const [root] = process.argv.slice(1);
console.log('swapping');
for (;;) {
  for (const [from, to] of [['way', 'way.folder'], ['way.link', 'way'], ['way', 'way.link'], ['way.folder', 'way']]) {
    try { renameSync(root + '/' + from, root + '/' + to); } catch {}
  }
}`;

test(`T-P3: a folder that is swapped for a link out of the root for ${laneFigure('T-P3')} s leads nobody out`, async (context) => {
  const top = folderOf(context);
  const [root, outside] = [join(top, 'root'), join(top, 'outside')];
  mkdirSync(join(root, 'way'), { recursive: true });
  mkdirSync(outside);
  writeFileSync(join(root, 'way/f'), 'inside');
  writeFileSync(join(outside, 'f'), 'outside');
  symlinkSync(outside, join(root, 'way.link'));
  const child: ChildProcess = spawn(process.execPath, ['--input-type=module', '-e', swapper, root], {
    stdio: ['ignore', 'pipe', 'inherit'],
  });
  context.after(() => child.kill('SIGKILL'));
  await once(child.stdout!, 'data');
  const folder = Folder.open(root);
  context.after(() => folder.release());
  const until = performance.now() + laneFigure('T-P3') * 1_000;
  const buffer = Buffer.alloc(16);
  let [opens, refusals] = [0, 0];
  // On one processor the two take turns of some milliseconds, and either kind may be rare for a while.
  while (performance.now() < until || opens <= 100 || refusals <= 100) {
    const walk = new Walk(folder, { make: false });
    try {
      const way = walk.to(['way']);
      const fd = way.openFile('f');
      equal(buffer.subarray(0, readSync(fd, buffer)).toString(), 'inside');
      closeSync(fd);
      const file = IncomingFile.open(way, `g${opens % 8}`, { sizeBytes: 0, mode: 0o600, mtimeMs: 0, resume: false });
      file.discard();
      opens += 1;
    } catch (error) {
      const { code } = error as { code?: string };
      ok(['PIPELINE_LINK', 'PIPELINE_MISSING', 'PIPELINE_KIND'].includes(code ?? ''), String(error));
      refusals += 1;
    } finally {
      walk.close();
    }
  }
  context.diagnostic(`${opens} opened inside, ${refusals} refused, 0 escaped`);
  deepEqual(readdirSync(outside), ['f']);
});

/** A sender of one's own. */
async function feed(root: string, put: (writer: RecordWriter) => void): Promise<void> {
  const folder = Folder.open(root);
  const target = openTarget(folder, ['copy'], { into: false, sourceName: 'x' });
  const pair = createStreamPair();
  try {
    const writer = new RecordWriter(pair.near);
    put(writer);
    await writer.end();
    await receiveCopy(pair.far, target, { compare: false, resume: false, checksum: false });
  } finally {
    target.folder.release();
    folder.release();
  }
}

type Field = string | number | boolean | Uint8Array;

function entry(fields: Readonly<Record<number, Field>>): Uint8Array {
  const whole = { 1: 0, 2: 'x', 3: 0o644, 4: 0, 5: 0, ...fields };
  return encodeCbor(new Map(Object.entries(whole).map(([key, value]) => [Number(key), value])));
}

const top = encodeCbor(
  new Map<number, Field>([
    [1, 1],
    [2, ''],
    [3, 0o755],
    [4, 0],
  ]),
);
const link = (path: string, target: string): Uint8Array =>
  encodeCbor(
    new Map<number, Field>([
      [1, 2],
      [2, path],
      [3, 0o777],
      [4, 0],
      [6, target],
    ]),
  );
const folderEntry = (path: string): Uint8Array =>
  encodeCbor(
    new Map<number, Field>([
      [1, 1],
      [2, path],
      [3, 0o755],
      [4, 0],
    ]),
  );

const hostile: readonly (readonly [string, readonly Uint8Array[]])[] = [
  ...[
    '..',
    '../x',
    'a/../../x',
    '/etc/x',
    'a//x',
    './x',
    'x/.',
    'x\0y',
    'x\ny',
    '\u001b[2J',
    'n'.repeat(256),
    '.caisson-1-0123456789abcdef',
  ].map((path) => [`file ${JSON.stringify(path.slice(0, 20))}`, [top, entry({ 2: path })]] as const),
  ['65 components', [top, entry({ 2: Array(65).fill('d').join('/') })]],
  ['a file below what was never made', [top, entry({ 2: 'no/x' })]],
  ['a file below a link', [top, link('l', 'd'), entry({ 2: 'l/x' })]],
  ['a folder in place of a link', [top, link('l', 'd'), folderEntry('l/x')]],
  ...['/', '/etc', '..', '../x', 'a/..', 'a/../..', 'a/../../b', '', '\0', 'x\ny'].map(
    (target) => [`link to ${JSON.stringify(target)}`, [top, link('l', target)]] as const,
  ),
  ['a link as the top', [link('', 'x')]],
  ['a folder twice', [top, folderEntry('d'), folderEntry('d')]],
  ['a file before its folder', [top, folderEntry('b'), folderEntry('a')]],
  ['no top', [entry({ 2: 'x' })]],
  ['two tops', [top, top]],
  ['a kind that is none', [top, entry({ 1: 3 })]],
  ['setuid', [top, entry({ 3: 0o4755 })]],
  ['2^53', [top, entry({ 5: 2 ** 53 - 1 })]],
  ['a negative length', [top, entry({ 5: -1 })]],
  ['a field more', [top, entry({ 9: 1 })]],
  ['a hash of another length', [top, entry({ 8: new Uint8Array(31) })]],
];

test('T-P4: entries that would leave the root, twist a link or lie about a file are refused, each by itself', async (context) => {
  for (const [what, records] of hostile) {
    const root = folderOf(context);
    const work = feed(root, (writer) => {
      for (const record of records) writer.put(recordType.entry, record);
      writer.put(recordType.done, new Uint8Array());
    });
    await rejects(work, (error: { code?: string }) => /^PIPELINE_/.test(error.code ?? ''), what);
    const made = readdirSync(root, { recursive: true }).map(String);
    ok(
      made.every((path) => /^copy(?:\/(?:l|d|b))?$/.test(path)),
      `${what}: ${made.join(' ')}`,
    );
  }
});

test(`T-P4: ${laneFigure('T-P4')} streams of mutated records make nothing outside and hold nothing back`, async (context) => {
  const parent = folderOf(context);
  const seed = 4242;
  let state = seed;
  const random = (below: number): number => {
    state = (Math.imul(state, 1_103_515_245) + 12_345) >>> 0;
    return (state >>> 8) % below;
  };
  for (let round = 0; round < laneFigure('T-P4'); round += 1) {
    const root = join(parent, String(round), 'root');
    mkdirSync(root, { recursive: true });
    const records = [...hostile[random(hostile.length)]![1], entry({ 2: 'good', 5: 4 })];
    await feed(root, (writer) => {
      for (const record of records) {
        const bytes = Uint8Array.from(record);
        if (bytes.length > 0) bytes[random(bytes.length)]! ^= 1 << random(8);
        writer.put(random(9), bytes);
      }
      writer.put(recordType.data, Buffer.from('abcd'));
    }).catch((error: { code?: string }) => ok(error.code !== undefined, String(error)));
    deepEqual(readdirSync(join(parent, String(round))), ['root']);
    ok(readdirSync(root).every((name) => name === 'copy'));
    rmSync(join(parent, String(round)), { recursive: true });
  }
});

test('links stay in their tree by words alone, wherever they are put together', () => {
  for (const [path, target] of [
    ['a', 'b'],
    ['a/b', '../c'],
    ['a/b/c', '../../d/e'],
    ['a', 'b/c/'],
    ['a/b', '..'],
  ]) {
    verifyLinkTarget(path!.split('/'), target!);
  }
  for (const [path, target] of [
    ['a', '..'],
    ['a/b', '../..'],
    ['a/b', 'x/..'],
    ['a', '/x'],
    ['a', 'x//y'],
    ['a', './../..'],
  ]) {
    throws(() => verifyLinkTarget(path!.split('/'), target!), { code: 'PIPELINE_LINK' }, `${path} -> ${target}`);
  }
});

const victim = `
import { Folder } from ${JSON.stringify(new URL('./folder.ts', import.meta.url).href)};
import { IncomingFile } from ${JSON.stringify(new URL('./incoming-file.ts', import.meta.url).href)};
import { createHash } from 'node:crypto';
const [root, point] = process.argv.slice(1);
let step = 0;
const at = () => { if (step++ === Number(point)) process.kill(process.pid, 'SIGKILL'); };
const bytes = Buffer.alloc(300_000, 'new');
const folder = Folder.open(root);
at();
const file = IncomingFile.open(folder, 'f', { sizeBytes: bytes.length, mode: 0o644, mtimeMs: 1, resume: false });
for (let i = 0; i < 6; i += 1) { at(); file.write(bytes.subarray(i * 50_000, (i + 1) * 50_000)); }
at();
const rename = folder.rename.bind(folder);
folder.rename = (...names) => { at(); rename(...names); at(); };
const done = file.commit(createHash('sha256').update(bytes).digest());
at();
await done;
at();
`;

test(`R-P2: receivers that are killed at ${laneFigure('R-P2')} points leave the old file or the new one, and a sweep leaves nothing else`, async (context) => {
  const root = folderOf(context);
  for (let point = 0; point < laneFigure('R-P2'); point += 1) {
    writeFileSync(join(root, 'f'), 'old');
    const words = ['--conditions=caisson-source', '--input-type=module', '-e', victim, root, String(point % 12)];
    const { signal, status, stderr } = spawnSync(process.execPath, words, { encoding: 'utf8' });
    ok(signal === 'SIGKILL' || status === 0, stderr);
    const text = readFileSync(join(root, 'f'), 'utf8');
    ok(text === 'old' || text === 'new'.repeat(100_000), `${text.length} bytes`);
    const folder = Folder.open(root);
    sweepFolder(folder);
    folder.release();
    deepEqual(readdirSync(root), ['f']);
  }
});

const isRoot = process.getuid?.() === 0;

test(`R-P3: ${laneFigure('R-P3')} transfers into a full disk say so, leave nothing, and the next one fits`, {
  skip: !isRoot && 'a small tmpfs needs root',
}, async (context) => {
  const root = mkdtempSync(join(tmpdir(), 'caisson-full-'));
  const mounted = spawnSync('mount', ['-t', 'tmpfs', '-o', 'size=2m', 'none', root], { encoding: 'utf8' });
  context.after(() => {
    spawnSync('umount', ['-l', root]);
    rmSync(root, { recursive: true });
  });
  if (mounted.status !== 0) return context.skip(`mount: ${mounted.stderr.trim()}`);
  const folder = Folder.open(root);
  context.after(() => folder.release());
  const terms = { mode: 0o644, mtimeMs: 1, resume: true };
  for (let round = 0; round < laneFigure('R-P3'); round += 1) {
    const rest = 4_096 + Math.floor(Math.random() * 1_900_000);
    writeFileSync(join(root, 'filler'), Buffer.alloc(2_080_000 - rest));
    throws(
      () => {
        const file = IncomingFile.open(folder, 'f', { ...terms, sizeBytes: 3_000_000 });
        try {
          // Half of them know beforehand, half meet the end.
          if (round % 2 === 0) file.verifyRoom(false);
          for (let at = 0; at < 3_000_000; at += 100_000) file.write(Buffer.alloc(100_000, 1));
        } finally {
          file.discard();
        }
      },
      { code: 'PIPELINE_FULL' },
    );
    deepEqual(readdirSync(root), ['filler']);
    rmSync(join(root, 'filler'));
    const small = IncomingFile.open(folder, 'f', { ...terms, sizeBytes: 1_000_000 });
    small.verifyRoom(false);
    small.write(Buffer.alloc(1_000_000));
    small.discard();
  }
  equal(existsSync(join(root, 'f')), false);
});

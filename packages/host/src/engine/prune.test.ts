// What a prune takes and, more to the point, what it leaves.
import { deepEqual, equal, match, ok, rejects } from 'node:assert/strict';
import { existsSync, mkdirSync, mkdtempSync, readdirSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, test } from 'node:test';
import { writeMeasuredEif } from '@caisson/testkit/boot';
import { createFakeDoor, fakeSpec, fakeState } from '@caisson/testkit/fake';
import { openRunFolder } from '../backend/index.ts';
import { FOLDER_LOCK, readProcessStart, withLock } from '../file/index.ts';
import { enclaveFolder, openEnclaveFolder, writeSpec, writeState } from '../record/index.ts';
import { openImageStore } from '../store/index.ts';
import { claimImage } from './image-claim.ts';
import { createEngine, type Engine, type PruneResult } from './index.ts';

let folder: string;
let state: string;
let engine: Engine;
beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'caisson-prune-'));
  state = join(folder, 'state');
  const env = { CAISSON_STATE: state, XDG_CONFIG_HOME: join(folder, 'config'), PATH: '' };
  engine = createEngine({ env, words: ['caisson'], version: '0', shims: createFakeDoor() });
});
afterEach(() => rmSync(folder, { recursive: true }));

const prune = (options: { dryRun?: boolean; ended?: boolean } = {}): Promise<PruneResult> =>
  engine.execute({ verb: 'prune', dryRun: false, ended: false, ...options });
const shown = ({ removed }: PruneResult): string[] => removed.map(({ kind, what }) => `${kind} ${what}`).sort();

/** An image with what lies beside it, 30 bytes. */
function built(name: string, key: string): string {
  const place = join(state, 'built', name);
  mkdirSync(place, { recursive: true });
  writeFileSync(join(state, 'version'), '1\n');
  for (const ending of ['', '.json', '.cdx.json'])
    writeFileSync(join(place, `${key.repeat(32)}.eif${ending}`), '0123456789');
  return join(place, `${key.repeat(32)}.eif`);
}

async function record(name: string, image: string, phase: 'ready' | 'stopped' | 'lost' = 'stopped'): Promise<void> {
  await openEnclaveFolder(state, name);
  await writeSpec(state, fakeSpec(name, { image }));
  await writeState(state, fakeState(name, { phase: phase === 'lost' ? 'ready' : phase }));
}

test('an image that no record names goes with what lies beside it, and its folder with the last one; the named ones stay', async () => {
  await record('web', built('web', 'a'), 'lost');
  built('web', 'b');
  built('gone', 'c');
  writeFileSync(join(state, 'built/no-kernel'), 'x');
  const said = await prune({ dryRun: true });
  deepEqual([shown(said), said.bytes, said.dryRun], [['built gone', 'built web'], 60, true]);
  equal(readdirSync(join(state, 'built/web')).length, 6, 'nothing was removed');
  const done = await prune();
  deepEqual([shown(done), done.bytes, done.failures], [['built gone', 'built web'], 60, []]);
  deepEqual(readdirSync(join(state, 'built')).sort(), ['no-kernel', 'web']);
  deepEqual(
    readdirSync(join(state, 'built/web')),
    ['', '.cdx.json', '.json'].map((end) => `${'a'.repeat(32)}.eif${end}`).sort(),
  );
  deepEqual(shown(await prune()), []);
});

test('a record keeps its image by whatever path it names it, also one built for another enclave', async () => {
  built('web', 'a');
  symlinkSync(state, join(folder, 'link'));
  await record('other', join(folder, 'link/built/web', `${'a'.repeat(32)}.eif`));
  deepEqual(shown(await prune()), []);
});

test('a run folder that lies apart from its long state folder goes with the last record, or by prune, and never with something in it', async (context) => {
  state = join(folder, 'd'.repeat(60));
  const env = { CAISSON_STATE: state, XDG_CONFIG_HOME: join(folder, 'config'), PATH: '' };
  engine = createEngine({ env, words: ['caisson'], version: '0', shims: createFakeDoor() });
  const { path } = await openRunFolder(state);
  context.after(() => rmSync(path, { recursive: true, force: true }));
  const remove = (name: string) => engine.execute({ verb: 'remove', names: [name], force: false });
  for (const name of ['one', 'two']) await record(name, '/none.eif');
  await remove('one');
  ok(existsSync(path));
  await remove('two');
  ok(!existsSync(path));
  await openRunFolder(state);
  deepEqual([shown(await prune({ dryRun: true })), existsSync(path)], [['remains enclaves that are gone'], true]);
  writeFileSync(join(path, 'fabric/3/9000'), '');
  deepEqual([shown(await prune()), existsSync(join(path, 'fabric/3/9000'))], [[], true]);
  rmSync(join(path, 'fabric/3/9000'));
  deepEqual([shown(await prune()), existsSync(path)], [['remains enclaves that are gone'], false]);
});

test('of a record that cannot be read everything that it may name stays', async () => {
  await record('web', built('web', 'a'));
  built('gone', 'b');
  writeFileSync(enclaveFolder(state, 'web').spec, 'garbage');
  const store = await openImageStore(join(state, 'images'));
  await writeMeasuredEif(join(folder, 'x.eif'), undefined);
  await store.add(join(folder, 'x.eif'));
  deepEqual(shown(await prune()), ['built gone']);
});

test('an image that somebody is about to use stays until he has said so in a record, or has gone', async () => {
  const image = built('web', 'a');
  const release = await claimImage(image);
  deepEqual(shown(await prune()), []);
  await release();
  deepEqual(shown(await prune()), ['built web']);
  built('web', 'a');
  // Of a process that is no more.
  writeFileSync(join(state, 'built/web/.caisson-4194304-0123456789abcdef'), `${'a'.repeat(32)}.eif`);
  deepEqual(shown(await prune()), ['built web']);
  ok(!existsSync(join(state, 'built/web')));
});

test('two at once remove each thing once, and a claim waits for whoever is removing', async () => {
  for (const key of ['a', 'b', 'c']) built('web', key);
  const both = await Promise.all([prune(), prune()]);
  equal(
    both.reduce((sum, { bytes }) => sum + bytes, 0),
    90,
  );
  deepEqual(
    both.flatMap(({ failures }) => failures),
    [],
  );
  const image = built('web', 'd');
  let isClaimed = false;
  let claiming: Promise<unknown> = Promise.resolve();
  await withLock(join(state, 'built/web', FOLDER_LOCK), async () => {
    claiming = claimImage(image).then(() => (isClaimed = true));
    await new Promise((resolve) => setImmediate(resolve));
    equal(isClaimed, false);
  });
  await claiming;
});

test('images of the store go when they have neither a name nor a record', async () => {
  await record('web', built('web', 'a'));
  const store = await openImageStore(join(state, 'images'));
  const ids: string[] = [];
  for (const name of ['named', 'recorded', 'loose']) {
    await writeMeasuredEif(join(folder, name), undefined, name);
    const { id } = await store.add(join(folder, name), name === 'named' ? 'named:1' : undefined);
    ids.push(id);
  }
  await record('other', join(state, 'images/images', ids[1]!, 'image.eif'));
  deepEqual(shown(await prune({ dryRun: true })), [`image ${ids[2]}`]);
  const done = await prune();
  deepEqual(shown(done), [`image ${ids[2]}`]);
  ok(done.bytes > 0);
  deepEqual((await store.list()).map(({ id }) => id).sort(), ids.slice(0, 2).sort());
});

test('records of enclaves that have ended go with --ended alone, and with them what they named; those of others stay', async () => {
  await record('over', built('over', 'a'));
  await record('lost', built('lost', 'b'), 'lost');
  // An enclave says that it has failed before it ends, and its shim lives.
  await record('failing', built('failing', 'c'));
  const shim = { pid: process.pid, start: await readProcessStart(process.pid), protocol: 1, version: '0' };
  await writeState(state, fakeState('failing', { phase: 'failed', shim }));
  const policies = join(folder, 'config/caisson/policies');
  mkdirSync(policies, { recursive: true, mode: 0o700 });
  for (const [key, name] of [
    ['over', 'over'],
    ['16', 'over'],
    ['17', 'lost'],
  ] as const)
    writeFileSync(join(policies, `${key}.yaml`), `# written by caisson up for enclave ${name} (sim)\n`);
  deepEqual(shown(await prune()), []);
  const said = await prune({ ended: true, dryRun: true });
  deepEqual(shown(said), ['built over', 'record over']);
  const done = await prune({ ended: true });
  deepEqual([shown(done), done.bytes], [shown(said), said.bytes]);
  deepEqual(done.failures, []);
  deepEqual([readdirSync(join(state, 'enclaves')), readdirSync(policies)], [['failing', 'lost'], ['17.yaml']]);
});

test('what killed processes had begun goes, and what living ones have begun stays', async () => {
  await record('web', built('web', 'a'));
  const left = '.caisson-4194304-0123456789abcdef';
  const held = `.caisson-${process.pid}-0123456789abcdef`;
  for (const place of [state, join(state, 'enclaves'), join(state, 'enclaves/web'), join(state, 'built/web')])
    for (const name of [left, held]) writeFileSync(join(place, name), '0123');
  writeFileSync(join(state, 'enclaves/old.lock'), '4194304 1 x\n');
  const done = await withLock(join(state, 'enclaves/held.lock'), () => prune());
  deepEqual(new Set(shown(done)), new Set([`temporary ${left}`, 'temporary old.lock']));
  deepEqual(done.failures, []);
  ok(existsSync(join(state, 'enclaves/web', held)) && !existsSync(join(state, 'enclaves/web', left)));
});

test('what fails is told and keeps nothing else; a folder of a newer program is refused whole, and none is made', async () => {
  deepEqual(await prune(), { dryRun: false, removed: [], bytes: 0, failures: [] });
  ok(!existsSync(state));
  await record('web', built('web', 'a'));
  built('gone', 'b');
  writeFileSync(join(state, 'cids'), 'garbage');
  const done = await prune();
  deepEqual(shown(done), ['built gone']);
  match(done.failures[0]?.message ?? '', /cid pool/);
  built('gone', 'b');
  writeFileSync(join(state, 'version'), '2\n');
  await rejects(prune(), { code: 'RECORD_VERSION' });
  ok(existsSync(join(state, 'built/gone')));
});

// Images from sources: found again while nothing changed, built again when anything did.
import { deepEqual, equal, match, notEqual, rejects } from 'node:assert/strict';
import {
  mkdirSync,
  mkdtempSync,
  readdirSync,
  rmSync,
  statSync,
  truncateSync,
  utimesSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { test } from 'node:test';
import { fakeSpec } from '@caisson/testkit/fake';
import type { EnclaveSpec } from '../compose/index.ts';
import { writeSpec } from '../record/index.ts';
import { openToolchain, readArchitecture } from '../runtime/index.ts';
import { pruneBuilt } from './built-image.ts';
import { makeImage } from './make-image.ts';

const parts = { architecture: readArchitecture(), profile: 'production' } as const;
// What these build runs no node, so that there is no runtime archive in it.
const lacks = await openToolchain(parts).then(
  () => false,
  (error: Error) => error.message,
);

test('a source that did not change is not built again; a byte, a setting or a mode of it is another image', {
  skip: lacks,
}, async (context) => {
  const folder = mkdtempSync(join(tmpdir(), 'caisson-make-'));
  context.after(() => rmSync(folder, { recursive: true }));
  const state = join(folder, 'state');
  const source = join(folder, 'app');
  mkdirSync(source);
  writeFileSync(join(source, 'main.js'), '1');
  writeFileSync(join(source, 'caisson.yaml'), 'name: app\n');
  writeFileSync(join(folder, 'bzImage'), 'a kernel of few words');
  const spec: EnclaveSpec = { image: { source: '.', kernel: '../bzImage', init: 'plain' }, cmd: ['/bin/sh'] };
  const said: string[] = [];
  const held: (() => Promise<void>)[] = [];
  const make = async (changes: Partial<EnclaveSpec> = {}) =>
    await makeImage({
      state,
      name: 'app',
      spec: { ...spec, ...changes },
      folder: source,
      composeFile: join(source, 'caisson.yaml'),
      backend: 'sim',
      env: {},
      version: '0',
      say: (_, text) => void said.push(text),
      hold: (release) => void held.push(release),
      beforeBuild: async () => {},
    });
  writeFileSync(join(source, 'sh'), '#!x', { mode: 0o755 });
  const plain = { cmd: ['/app/sh'] };
  const first = await make(plain);
  equal(first.how, 'built');
  utimesSync(join(source, 'main.js'), 1, 1);
  writeFileSync(join(source, 'caisson.yaml'), 'name: app\nlabels: { a: b }\n');
  const again = await make(plain);
  deepEqual([again.how, again.facts], ['unchanged', first.facts]);
  writeFileSync(join(source, 'main.js'), '2');
  const other = await make(plain);
  equal(other.how, 'built');
  notEqual(other.facts.measurements.PCR2, first.facts.measurements.PCR2);
  equal((await make({ ...plain, env: { A: 'b' } })).how, 'built');
  const changed = { ...plain, env: { A: 'c' } };
  const both = await Promise.all([make(changed), make(changed)]);
  deepEqual(
    both.map(({ how }) => how).sort(),
    ['built', 'unchanged'],
    'of two at once one builds and the other takes what it built',
  );
  truncateSync(other.facts.path, 10);
  equal((await make(plain)).how, 'built', 'what is damaged is no image');
  for (const release of held.splice(0)) await release();
  await pruneBuilt(state, 'app', other.facts.path);
  deepEqual(readdirSync(dirname(other.facts.path)).length, 3);
  const newer = await make({ ...plain, image: { ...(spec.image as object), exclude: ['nothing'] } });
  deepEqual([newer.how, newer.facts.measurements], ['built', other.facts.measurements]);
  for (const release of held.splice(0)) await release();
  await writeSpec(state, fakeSpec('app', { image: other.facts.path }));
  await pruneBuilt(state, 'app', newer.facts.path);
  equal(readdirSync(dirname(other.facts.path)).length, 6, 'what runs has the other one, of the same measurements');
  await pruneBuilt(state, 'app', null);
  deepEqual(readdirSync(join(state, 'built')), []);
});

test('a simulation needs no kernel where none was named, and says so; anything else does', {
  skip: lacks,
}, async (context) => {
  const folder = mkdtempSync(join(tmpdir(), 'caisson-make-'));
  context.after(() => rmSync(folder, { recursive: true }));
  writeFileSync(join(folder, 'sh'), '#!x', { mode: 0o755 });
  const said: string[] = [];
  const make = (backend: 'sim' | 'qemu', image: object) =>
    makeImage({
      state: join(folder, 'state'),
      name: 'app',
      spec: { image: { init: 'plain', ...image }, cmd: ['/app/sh'] },
      folder,
      composeFile: null,
      backend,
      env: { CAISSON_CACHE: join(folder, 'cache') },
      version: '0',
      say: (_, text) => void said.push(text),
      hold: () => {},
      beforeBuild: async () => {},
    });
  await rejects(make('qemu', {}), { code: 'KERNEL_NAME' });
  await rejects(make('sim', { kernel: 'caisson' }), { code: 'KERNEL_NAME' });
  equal((await make('sim', { exclude: ['state', 'cache'] })).how, 'built');
  const standIn = statSync(join(folder, 'state/built/no-kernel'));
  equal((await make('sim', { exclude: ['state', 'cache'] })).how, 'unchanged');
  const { ino, mtimeMs } = statSync(join(folder, 'state/built/no-kernel'));
  deepEqual([ino, mtimeMs], [standIn.ino, standIn.mtimeMs], 'another build may be reading it');
  match(said.join('\n'), /^no kernel here: the image has a stand-in for one/m);
});

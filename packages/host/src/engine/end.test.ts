// What is told of an end that was none, and what goes with an enclave that is not wanted any more.
import { deepEqual, equal } from 'node:assert/strict';
import { mkdirSync, mkdtempSync, readdirSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { type TestContext, test } from 'node:test';
import { CaissonError } from '@caisson/core/errors';
import { writeMeasuredEif } from '@caisson/testkit/boot';
import { createFakeDoor } from '@caisson/testkit/fake';
import { readSpec, readState, writeSpec, writeState } from '../record/index.ts';
import { createEngine } from './index.ts';

async function scene(context: TestContext) {
  const folder = mkdtempSync(join(tmpdir(), 'caisson-end-'));
  context.after(() => rmSync(folder, { recursive: true }));
  const at = (name: string): string => join(folder, name);
  const env = { CAISSON_STATE: at('state'), XDG_CONFIG_HOME: at('config'), PATH: '' };
  const door = createFakeDoor();
  const engine = createEngine({ env, words: ['caisson'], version: '0', shims: door });
  await writeMeasuredEif(at('a.eif'), { components: ['ready'], config: { expect: 'none' } }, 'a');
  const up = async (): Promise<void> => {
    writeFileSync(at('caisson.yaml'), 'name: a\nimage: { eif: a.eif }\n');
    await engine.execute({ verb: 'up', file: at('caisson.yaml'), names: [], variables: {}, detach: false });
  };
  return { at, door, engine, up };
}

test('an enclave of which its shim says that something may still run has not ended, whatever its phase', async (context) => {
  const { door, engine, up } = await scene(context);
  await up();
  const shim = door.shimOf('a')!;
  const failure = { code: 'NITRO_LEFT', message: 'it may still run', hint: 'sudo kill -9 7' };
  shim.stop = async () => ({ ...shim.state, phase: 'failed', failure });
  const [ended] = (await engine.execute({ verb: 'stop', names: ['a'] })).enclaves;
  deepEqual(ended?.failure, failure);
});

test('what outlived its shim on hardware and does not end is a failure, and its record stays', async (context) => {
  const { door, engine, up } = await scene(context);
  await up();
  const last = (await readState(engine.state, 'a'))!;
  // As if its pid were somebody else's by now: the state reads as lost.
  await writeState(engine.state, { ...last, backend: 'nitro', shim: { ...last.shim, start: '0' } });
  door.lose('a');
  door.endLeft = async () => {
    throw new CaissonError('NITRO_FAILED', 'its process goes on', { hint: 'sudo kill -9 7' });
  };
  const [ended] = (await engine.execute({ verb: 'remove', names: ['a'], force: true })).enclaves;
  deepEqual([ended?.removed, ended?.failure?.code], [false, 'NITRO_FAILED']);
  deepEqual(readdirSync(join(engine.state, 'enclaves')), ['a']);
});

test('up drops what it has built of an enclave before, and what it uses now stays', async (context) => {
  const { engine, up } = await scene(context);
  const built = join(engine.state, 'built/a');
  await up();
  mkdirSync(built, { recursive: true });
  writeFileSync(join(built, `${'0'.repeat(32)}.eif`), 'old');
  await up();
  equal(readdirSync(join(engine.state, 'built')).length, 0);
});

test('enclaves whose records wait for each other end all the same', async (context) => {
  const { at, door, engine } = await scene(context);
  writeFileSync(at('two.yaml'), 'enclaves:\n  a: { image: { eif: a.eif } }\n  b: { image: { eif: a.eif } }\n');
  await engine.execute({ verb: 'up', file: at('two.yaml'), names: [], variables: {}, detach: false });
  for (const [name, other] of [
    ['a', 'b'],
    ['b', 'a'],
  ] as const)
    await writeSpec(engine.state, { ...(await readSpec(engine.state, name))!, dependsOn: [other] });
  const { enclaves } = await engine.execute({ verb: 'down', which: { kind: 'all' }, images: false });
  deepEqual(
    enclaves.map(({ name, removed }) => [name, removed]),
    [
      ['a', true],
      ['b', true],
    ],
  );
  deepEqual(door.done.filter((one) => one.startsWith('stop')).sort(), ['stop a', 'stop b']);
});

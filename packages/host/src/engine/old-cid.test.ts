// A CID never names the policy of an enclave that had it before: what `up` wrote under one goes before the next boot may get another.
import { deepEqual } from 'node:assert/strict';
import { mkdirSync, mkdtempSync, readdirSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { type TestContext, test } from 'node:test';
import { writeMeasuredEif } from '@caisson/testkit/boot';
import { createFakeDoor } from '@caisson/testkit/fake';
import { readState } from '../record/index.ts';
import { createEngine } from './index.ts';

async function scene(context: TestContext) {
  const folder = mkdtempSync(join(tmpdir(), 'caisson-cid-'));
  context.after(() => rmSync(folder, { recursive: true }));
  const at = (name: string): string => join(folder, name);
  const env = { CAISSON_STATE: at('state'), XDG_CONFIG_HOME: at('config'), PATH: '' };
  const engine = createEngine({ env, words: ['caisson'], version: '0', shims: createFakeDoor() });
  const policies = at('config/caisson/policies');
  mkdirSync(policies, { recursive: true, mode: 0o700 });
  await writeMeasuredEif(at('a.eif'), { components: ['ready'], config: { expect: 'none' } }, 'a');
  const up = async (more = ''): Promise<void> => {
    writeFileSync(at('caisson.yaml'), `name: a\nimage: { eif: a.eif }\n${more}`);
    await engine.execute({ verb: 'up', file: at('caisson.yaml'), names: [], variables: {}, detach: false });
  };
  /** As `up` and the shim write them. */
  const write = async (): Promise<void> => {
    const { cid } = (await readState(engine.state, 'a'))!;
    for (const key of ['a', cid])
      writeFileSync(join(policies, `${key}.yaml`), '# written by caisson up for enclave a (sim); x\n');
    writeFileSync(join(policies, '9999.yaml'), '# written by caisson up for enclave other (sim); x\n');
  };
  return { engine, up, write, left: () => readdirSync(policies).sort() };
}

test('the policies of an enclave go before another is started in its place, before it is restarted, and with its end', async (context) => {
  const { engine, up, write, left } = await scene(context);
  const steps = [
    () => up('labels: { b: c }\n'),
    () => engine.execute({ verb: 'restart', names: ['a'] }),
    () => engine.execute({ verb: 'remove', names: ['a'], force: true }),
  ];
  await up();
  for (const step of steps) {
    await write();
    await step();
    deepEqual(left(), ['9999.yaml']);
  }
});

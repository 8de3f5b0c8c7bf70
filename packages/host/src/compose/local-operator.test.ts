// `operators.local`: whose key it is, when it is made, and where it must not stand.
import assert from 'node:assert/strict';
import { existsSync, mkdtempSync, readdirSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { type TestContext, test } from 'node:test';
import { parseMeasuredOperators, writeMeasuredOperators } from '@caisson/core/measured';
import { showOperator } from '../operator/index.ts';
import { type BuildFlags, checkCompose, parseCompose, readBuildSettings } from './index.ts';

function place(context: TestContext) {
  const folder = mkdtempSync(join(tmpdir(), 'caisson-local-'));
  context.after(() => rmSync(folder, { recursive: true }));
  const env = { XDG_CONFIG_HOME: join(folder, 'config') };
  const read = async (text: string, more: Partial<BuildFlags> = {}) => {
    const spec = parseCompose(text, 'c.yaml').enclaves.get('a')!;
    return await readBuildSettings('a', spec, folder, { architecture: 'x86_64', env, ...more });
  };
  return { folder, env, key: join(folder, 'config/caisson/operators/me.key'), read };
}

const development = 'name: a\nprofile: development\noperators: { local: me }\n';

test('the first build makes the key, 0600, and measures it with every verb; the next ones take the same', async (context) => {
  const { env, key, read } = place(context);
  const first = await read(development);
  assert.equal(first.madeKey, key);
  assert.equal(statSync(key).mode & 0o777, 0o600);
  const { spkiSha256 } = await showOperator('me', env);
  const operators = [{ name: 'me', spkiSha256, verbs: ['all'], execTemplates: [] }];
  assert.deepEqual(parseMeasuredOperators(writeMeasuredOperators(first.settings.operators)).operators, operators);
  const second = await read(development);
  assert.deepEqual([second.madeKey, second.settings], [null, first.settings]);
});

test('builds at the same time make one key between them, and leave nothing beside it', async (context) => {
  const { folder, read } = place(context);
  const all = await Promise.all(Array.from({ length: 8 }, () => read(development)));
  assert.equal(all.filter(({ madeKey }) => madeKey !== null).length, 1);
  assert.equal(new Set(all.map(({ settings }) => settings.operators.operators[0]!.spkiSha256)).size, 1);
  assert.deepEqual(readdirSync(join(folder, 'config/caisson/operators')), ['me.key']);
});

test('a production image refuses it with the reason, in the file and on the command line, and no key is made', async (context) => {
  const { folder, read } = place(context);
  for (const text of [development.replace('development', 'production'), 'name: a\noperators: { local: me }\n']) {
    assert.throws(() => parseCompose(text, 'c.yaml'), {
      code: 'COMPOSE_FAULTS',
      message:
        /^c\.yaml:\d:\d+: operators\.local must stand in a development image only, got a production one: its key lies/,
    });
  }
  await assert.rejects(read(development, { profile: 'production' }), {
    code: 'COMPOSE_INPUT',
    message: /operators\.local/,
  });
  assert.ok(!existsSync(join(folder, 'config')));
});

test('checking a file makes no key, nor does a build that another fault ends; a name that is no name is refused', async (context) => {
  const { folder, read } = place(context);
  writeFileSync(join(folder, 'caisson.yaml'), development);
  assert.deepEqual((await checkCompose(join(folder, 'caisson.yaml'))).faults, []);
  await assert.rejects(read(development.replace('me }', 'me, root_key: none.pem }')), { code: 'COMPOSE_INPUT' });
  assert.ok(!existsSync(join(folder, 'config')));
  assert.throws(() => parseCompose(development.replace('me', '../me'), 'c'), { code: 'COMPOSE_FAULTS' });
});

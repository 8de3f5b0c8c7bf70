// `policy.file_roots` of caisson.yaml, as far as the image's measured file.
import { deepEqual, equal, throws } from 'node:assert/strict';
import { test } from 'node:test';
import { parseMeasuredOperators, writeMeasuredOperators } from '@caisson/core/measured';
import { type BuildFlags, readBuildSettings } from './build-settings.ts';
import { parseCompose } from './parse-compose.ts';

const flags: BuildFlags = { architecture: 'x86_64', env: {} };

async function operatorsOf(policy: string) {
  const spec = parseCompose(`name: a\nprofile: production\npolicy: ${policy}\n`, 'caisson.yaml').enclaves.get('a')!;
  return (await readBuildSettings('a', spec, '.', flags)).settings.operators;
}

test('file roots of caisson.yaml are measured by name, and without any the measured file has none', async () => {
  const operators = await operatorsOf('{ file_roots: { data: /data, logs: /var/log/app } }');
  deepEqual(parseMeasuredOperators(writeMeasuredOperators(operators)).fileRoots, [
    { name: 'data', path: '/data' },
    { name: 'logs', path: '/var/log/app' },
  ]);
  equal((await operatorsOf('{}')).fileRoots, undefined);
});

test('a file root that is relative or not named as roots are is found when the file is read, one in a place of ours when it is built', async () => {
  for (const roots of ['{ data: data }', '{ Data: /data }', '{ data: { path: /data } }', '[/data]']) {
    throws(() => parseCompose(`name: a\npolicy: { file_roots: ${roots} }\n`, 'caisson.yaml'), /file_roots/);
  }
  const operators = await operatorsOf('{ file_roots: { own: /etc } }');
  throws(() => parseMeasuredOperators(writeMeasuredOperators(operators)), {
    code: 'MEASURED_FORM',
    message: /fileRoots\[0\]\.path must be apart from \/etc\/caisson/,
  });
});

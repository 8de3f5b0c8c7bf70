// The config of `pipeline`: where it is found, what wins, what is refused with its place.
import { deepEqual, equal, rejects, throws } from 'node:assert/strict';
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { test } from 'node:test';
import { choosePipelineSettings, findPipelineConfig, parsePipelineConfig, readPipelineConfig } from './index.ts';

test('the file of the repository is a config, in its place', async () => {
  const folder = join(import.meta.dirname, '../../../../pipeline');
  deepEqual(await readPipelineConfig(findPipelineConfig(folder)!), { cid: 127, port: 53_000 });
});

test('the folder comes before /etc, and TOML before YAML', (context) => {
  const folder = mkdtempSync(join(tmpdir(), 'caisson-'));
  context.after(() => rmSync(folder, { recursive: true }));
  for (const name of ['.config', 'etc/pipeline']) mkdirSync(join(folder, name), { recursive: true });
  equal(findPipelineConfig(folder, join(folder, 'etc')), undefined);
  for (const name of [
    'etc/pipeline/config.yml',
    'etc/pipeline/config.toml',
    '.config/pipeline.config.yaml',
    '.config/pipeline.config.toml',
  ]) {
    writeFileSync(join(folder, name), '');
    equal(findPipelineConfig(folder, join(folder, 'etc')), join(folder, name));
  }
});

test('flags win over the environment, that over the file, that over the defaults', () => {
  const config = parsePipelineConfig('cid: 16\nkey: file\nbuffers:\n  backlog: 128\n', 'x.yaml');
  deepEqual(choosePipelineSettings({}, {}, {}), { cid: 127, port: 53_000, key: undefined, policy: undefined });
  deepEqual(
    choosePipelineSettings({ cid: '18' }, { PIPELINE_CID: '17', PIPELINE_PORT: '9', PIPELINE_POLICY: 'e' }, config),
    { cid: 18, port: 9, key: 'file', policy: 'e' },
  );
});

test('a fault is told with its place and its bound', async () => {
  for (const [text, path, message] of [
    ['cid = 3\n', 'a.toml', /^a\.toml: cid must be an integer in 4\.\.4194303, got 3$/],
    ['cid = "16"\n', 'a.toml', /got "16"$/],
    ['port = 1.5\n', 'a.toml', /port must be an integer/],
    ['cid = \n', 'a.toml', /^a\.toml:1:/],
    ['prot: 5\n', 'a.yaml', /unknown key "prot"/],
    ['- 1\n', 'a.yaml', /a table/],
    ['key: [a]\n', 'a.yml', /key must be text/],
  ] as const) {
    throws(() => parsePipelineConfig(text, path), { code: 'PIPELINE_CONFIG', message }, text);
  }
  throws(() => choosePipelineSettings({ cid: 'x' }, {}, {}), { code: 'PIPELINE_CONFIG' });
  await rejects(readPipelineConfig('/no/such.toml'), { code: 'PIPELINE_CONFIG' });
  await rejects(readPipelineConfig('/dev/zero'), { code: 'PIPELINE_CONFIG', message: /it must be a regular file/ });
});

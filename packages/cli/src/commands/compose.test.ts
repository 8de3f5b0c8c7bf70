// compose check, compose print and init from the command line: exit codes, every --json document against its schema, three questions.
import assert from 'node:assert/strict';
import { existsSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { PassThrough } from 'node:stream';
import { after, before, test } from 'node:test';
import { assertFitsSchema } from '@caisson/testkit/contract';
import { type Heard, hear } from '@caisson/testkit/program';
import { run } from '../run.ts';

let folder: string;
const at = (name: string): string => join(folder, name);
before(() => {
  folder = mkdtempSync(join(tmpdir(), 'caisson-compose-cli-'));
  const yaml = [
    'name: a',
    'profile: development',
    // biome-ignore lint/suspicious/noTemplateCurlyInString: that is how caisson.yaml names a variable
    'user: ${WHO}',
    // biome-ignore lint/suspicious/noTemplateCurlyInString: as above
    'labels: { a: "${FROM_FILE}" }',
    // biome-ignore lint/suspicious/noTemplateCurlyInString: as above
    'config: { key: "${WHO}" }',
  ];
  writeFileSync(at('good.yaml'), `${yaml.join('\n')}\n`);
  writeFileSync(at('bad.yaml'), 'enclaves:\n  a: { cid: 9, debgu: true }\n  b: { cid: 9 }\n  c: { cid: 9 }\n');
  writeFileSync(at('run.json'), '{"eif_path":"App.eif","memory_mib":512,"cpu_count":2}');
  writeFileSync(at('env'), 'FROM_FILE=file\nWHO=file\n');
});
after(() => rmSync(folder, { recursive: true }));

async function caisson(words: readonly string[], answers?: string): Promise<Heard> {
  const stdin = new PassThrough();
  if (answers !== undefined) Object.assign(stdin, { isTTY: true });
  stdin.end(answers ?? 'nobody reads this\n');
  return await hear(run, words, { stdin, env: { WHO: 'me' } });
}

test('compose check lists every fault with its place and ends with 1, with 0 when there is none', async () => {
  const bad = await caisson(['compose', 'check', '-f', at('bad.yaml')]);
  assert.equal(bad.code, 1);
  assert.equal(
    bad.out,
    `${at('bad.yaml')}:2:16: unknown key enclaves.a.debgu; did you mean debug?\n` +
      `${at('bad.yaml')}:4:8: cid of c must be its own, got 9, which b has\n`,
  );
  const good = await caisson(['compose', 'check', '-f', at('good.yaml'), '--env-file', at('env')]);
  assert.deepEqual([good.code, good.out], [0, `ok: a in ${at('good.yaml')}\n`]);
  for (const name of ['bad.yaml', 'good.yaml', 'run.json']) {
    const { code, out } = await caisson(['compose', 'check', '-f', at(name), '--env-file', at('env'), '--json']);
    const document = JSON.parse(out) as { ok: boolean; faults: unknown[] };
    assertFitsSchema(document, 'compose-check');
    assert.deepEqual([document.ok, document.faults.length > 0], [code === 0, code === 1]);
  }
  assert.equal((await caisson(['compose', 'check', '-f', at('none.yaml')])).code, 1);
  assert.equal((await caisson(['compose', 'check', '-f', at('good.yaml'), '--env-file', at('none')])).code, 64);
});

test('compose check and print read standard input for -, with the places of its faults', async () => {
  const check = async (text: string): Promise<string> => (await caisson(['compose', 'check', '-f', '-'], text)).out;
  assert.equal(await check('name: a\n'), 'ok: a in -\n');
  assert.match(await check('nmae: a\n'), /^-:1:1: .*did you mean name\?/m);
  assert.match((await caisson(['compose', 'print', '-f', '-'], 'name: a\ningress: [80]\n')).out, /127\.0\.0\.1:80/);
});

test('compose print shows what a file comes to: the environment before --env-file, and no secret', async () => {
  const { code, out } = await caisson(['compose', 'print', '-f', at('good.yaml'), '--env-file', at('env')]);
  assert.equal(code, 0);
  assert.match(out, /^ {4}user: me$/m);
  assert.match(out, /^ {6}a: file$/m);
  // biome-ignore lint/suspicious/noTemplateCurlyInString: that is what is to be printed
  assert.ok(out.includes('"${WHO}"'), out);
  const json = await caisson(['compose', 'print', '-f', at('run.json'), '--json']);
  const document = JSON.parse(json.out) as { enclaves: Record<string, unknown>; notes: string[] };
  assertFitsSchema(document, 'compose-print');
  assert.deepEqual(Object.keys(document.enclaves), ['app']);
  assert.match(
    (await caisson(['compose', 'print', '-f', at('run.json')])).err,
    /^note: read as a --config file of nitro/,
  );
  const bad = await caisson(['compose', 'print', '-f', at('bad.yaml')]);
  assert.deepEqual([bad.code, bad.out], [1, '']);
});

test('init asks three questions on a terminal, takes a return for what it offers, asks again after a wrong answer, and says what it wrote', async () => {
  const { code, out, err } = await caisson(['init', at('asked')], 'web\nnode x.js\n\n');
  assert.equal(code, 0, err);
  assert.equal(err.split('?').length + err.split(']: ').length, 5, 'three questions');
  assert.match(out, /^wrote .*asked\/caisson.yaml\nnext: caisson up -f .*asked\/caisson.yaml\n$/);
  const text = readFileSync(at('asked/caisson.yaml'), 'utf8');
  assert.match(text, /^name: web$/m);
  assert.match(text, /^cmd: \["node", "x.js"\]$/m);
  assert.match(text, /^ingress: \["127.0.0.1:8080:8080"\]$/m);
  const wrong = await caisson(['init', at('corrected')], 'My Web\nweb\nnode x.js\n99999\n8081\n');
  assert.equal(wrong.code, 0, wrong.err);
  assert.match(wrong.err, /it must be 1 to 63 of .*\n[\s\S]*it must be an integer in 1\.\.65535, or none\n/);
  assert.match(readFileSync(at('corrected/caisson.yaml'), 'utf8'), /^name: web$[\s\S]*127\.0\.0\.1:8081:8081/m);
  const early = await caisson(['init', at('corrected')], 'web\n');
  assert.deepEqual([early.code, early.err.includes('[web]')], [1, false], 'nobody answers for nothing');
  const cut = await caisson(['init', at('cut')], 'web\n');
  assert.deepEqual([cut.code, existsSync(at('cut'))], [64, false]);
});

test('init asks only what no flag answers, nothing without a terminal, and writes nothing over', async () => {
  const one = await caisson(['init', at('one'), '--name', 'x', '--port', 'none'], 'node y.js\n');
  assert.deepEqual([one.code, one.err.split(']: ').length], [0, 2]);
  const json = await caisson(['init', at('quiet'), '--name', 'q', '--json']);
  assertFitsSchema(JSON.parse(json.out), 'init');
  assert.equal((await caisson(['compose', 'check', '-f', at('quiet/caisson.yaml')])).code, 0);
  const again = await caisson(['init', at('quiet')]);
  assert.equal(again.code, 1);
  assert.match(again.err, /caisson.yaml must not be there yet, got a file\n {2}hint: .*--force/);
  assert.equal((await caisson(['init', at('quiet'), '--name', 'r', '--force'])).code, 0);
  const spaced = await caisson(['init', at("it's here"), '--yes']);
  assert.match(spaced.out, /next: caisson up -f '.*\/it'\\''s here\/caisson.yaml'\n$/, 'to be copied into a shell');
  assert.equal((await caisson(['init', at('none'), '--port', '0'])).code, 64);
  assert.ok(!existsSync(at('none')));
});

// The first caisson.yaml: it is taken by whoever reads it next, and takes nothing away.
import assert from 'node:assert/strict';
import { existsSync, mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { type TestContext, test } from 'node:test';
import fc from 'fast-check';
import { renderFirstFile } from './first-file-text.ts';
import { checkCompose, parseCompose, suggestAnswers, writeFirstFile } from './index.ts';

function folderOf(context: TestContext, files: Record<string, string> = {}): string {
  const folder = join(mkdtempSync(join(tmpdir(), 'caisson-first-')), 'My_App');
  context.after(() => rmSync(join(folder, '..'), { recursive: true }));
  if (Object.keys(files).length > 0) mkdirSync(folder);
  for (const [path, text] of Object.entries(files)) writeFileSync(join(folder, path), text);
  return folder;
}

const specOf = (folder: string) => {
  const [[name, spec] = []] = [...parseCompose(readFileSync(join(folder, 'caisson.yaml'), 'utf8'), 'c').enclaves];
  return { name, spec };
};

test('an empty folder gets a file and a small program, and compose check has nothing to say', async (context) => {
  const folder = folderOf(context);
  const files = await writeFirstFile(folder, suggestAnswers(folder));
  assert.deepEqual(files, [join(folder, 'caisson.yaml'), join(folder, 'server.mjs')]);
  assert.deepEqual((await checkCompose(files[0]!)).faults, []);
  const { name, spec } = specOf(folder);
  assert.deepEqual([name, spec?.cmd, spec?.ingress], ['my-app', ['node', 'server.mjs'], ['127.0.0.1:8080:8080']]);
  assert.match(readFileSync(files[1]!, 'utf8'), /listen\(8080, '127\.0\.0\.1'\)/);
});

test('what is in the folder is what runs, and no program is put beside it', async (context) => {
  const table: [files: Record<string, string>, runs: string, cmd: string[] | undefined][] = [
    [{ 'index.js': '' }, '', ['node', 'index.js']],
    [{ 'index.js': '', 'server.mjs': '' }, '', ['node', 'server.mjs']],
    [{ 'package.json': '{"main":"a.js"}', 'index.js': '' }, '', undefined],
    [{ 'index.js': '' }, "run 'a $b'", ['run', 'a $b']],
  ];
  for (const [files, runs, cmd] of table) {
    const folder = folderOf(context, files);
    assert.equal((await writeFirstFile(folder, { name: 'a', runs, port: null })).length, 1);
    const { spec } = specOf(folder);
    assert.deepEqual([spec?.cmd, spec?.ingress, spec?.ready], [cmd, undefined, undefined]);
  }
  const folder = folderOf(context);
  await writeFirstFile(folder, { name: 'a', runs: 'docker://alpine:3', port: 1 });
  const { spec } = specOf(folder);
  assert.deepEqual([spec?.cmd, spec?.image], [undefined, { source: 'docker://alpine:3' }]);
  assert.ok(!existsSync(join(folder, 'server.mjs')));
});

test('never writes over a file unless it is forced to, and refuses what could not be read again', async (context) => {
  const folder = folderOf(context, { 'caisson.yaml': 'mine', 'index.js': '' });
  const answers = { name: 'a', runs: '', port: 80 };
  await assert.rejects(writeFirstFile(folder, answers), { code: 'COMPOSE_FIRST', hint: /--force/ });
  for (const wrong of [{ name: 'A' }, { name: '' }, { port: 0 }, { port: 1.5 }, { runs: "a 'b" }]) {
    await assert.rejects(writeFirstFile(folder, { ...answers, ...wrong }, true), { code: 'COMPOSE_FIRST' });
  }
  assert.equal(readFileSync(join(folder, 'caisson.yaml'), 'utf8'), 'mine');
  await writeFirstFile(folder, answers, true);
  assert.equal(specOf(folder).name, 'a');
});

test('whatever is answered stands in the file as it was answered', () => {
  const word = fc.string({ unit: 'grapheme', minLength: 1, maxLength: 20 });
  fc.assert(
    fc.property(fc.array(word, { minLength: 1, maxLength: 4 }), word, (words, source) => {
      const text = renderFirstFile({ name: 'a', words, source, port: 80 });
      const spec = parseCompose(text, 'c').enclaves.get('a');
      assert.deepEqual([spec?.cmd, spec?.image], [words, { source }]);
    }),
    { seed: 10, numRuns: 300 },
  );
});

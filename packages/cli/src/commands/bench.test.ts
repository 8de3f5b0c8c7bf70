// The bench from the command line: served, surveyed, said in words and as a document of its schema.
import assert from 'node:assert/strict';
import { once } from 'node:events';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { PassThrough, Readable } from 'node:stream';
import { after, test } from 'node:test';
import { assertFitsSchema } from '@caisson/testkit/contract';
import { run } from '../run.ts';

const folder = mkdtempSync(join(tmpdir(), 'csn-'));
after(() => rmSync(folder, { recursive: true }));

function start(words: readonly string[], stop = new AbortController().signal) {
  const [stdout, stderr] = [new PassThrough(), new PassThrough()];
  const code = run(['bench', ...words], {
    stdout,
    stderr,
    stop,
    env: {},
    name: 'caisson',
    stdin: Readable.from([]),
    onReload: () => {},
  });
  return { code, stdout, stderr };
}

async function bench(...words: readonly string[]): Promise<{ code: number; out: string; err: string }> {
  const { code, stdout, stderr } = start(words);
  return { code: await code, out: String(stdout.read() ?? ''), err: String(stderr.read() ?? '') };
}

test('surveys a bench server until it is told to stop, for people and as one document', async (context) => {
  const to = `unix:${join(folder, 'bench')}`;
  const controller = new AbortController();
  context.after(() => controller.abort('SIGTERM'));
  const server = start(['serve', '--listen', to], controller.signal);
  await once(server.stdout, 'data');
  const people = await bench('channel', '--to', to, '--brief', '--window', '10', '--size', '256');
  assert.equal(people.code, 0, people.err);
  assert.match(people.out, /^round trip +[0-9]+ us[\s\S]+\nyour pattern: [0-9]+ messages a second: /);
  const machine = await bench('channel', '--to', to, '--brief', '--window', '10', '--reply', '100', '--crc', '--json');
  assert.equal(machine.code, 0, machine.err);
  assertFitsSchema(JSON.parse(machine.out), 'bench-channel');
  controller.abort('SIGTERM');
  assert.equal(await server.code, 0);
  const gone = await bench('channel', '--to', to, '--window', '10');
  assert.equal(gone.code, 1);
});

test('null: measures the channel without a transport', async () => {
  const { code, out } = await bench('channel', '--to', 'null:', '--window', '10', '--json');
  assert.equal(code, 0);
  assertFitsSchema(JSON.parse(out), 'bench-channel');
});

test('what cannot be measured is a mistake of usage', async () => {
  for (const words of [['channel'], ['channel', '--to', 'null:', '--depth', '0'], ['serve']]) {
    assert.equal((await bench(...words)).code, 64, words.join(' '));
  }
});

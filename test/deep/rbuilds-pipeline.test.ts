// The old command lines as they were always written: rbuilds makes an image of a folder without a caisson.yaml, runs it, and pipeline runs commands in it.
import { deepEqual, equal, match } from 'node:assert/strict';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, test } from 'node:test';
import { programSkip as skip, startProgram, termsIn } from '../scenario/engine/program.ts';

// Short, because sockets lie in it.
const folder = mkdtempSync(join(tmpdir(), 'caisson-rb-'));
const at = (name: string): string => join(folder, name);
if (skip) console.error(`rbuilds-pipeline: SKIPPED, NOTHING WAS STARTED: ${skip}`);
after(async () => {
  if (skip === false) await called('caisson', 'down', '--all');
  rmSync(folder, { recursive: true, force: true });
});

const terms = termsIn(folder);
const called = (name: string, ...words: string[]) => startProgram(words, terms, name).ended;

test('pipeline run --cid 127 --port 53000 -- ls -la / works in an image of rbuilds that nobody wrote a caisson.yaml for', {
  skip,
  timeout: 120_000,
}, async () => {
  const library = '/usr/lib/caisson/runtime/lib';
  const node = [`${library}/ld-linux-x86-64.so.2`, '--library-path', library, '/usr/lib/caisson/runtime/bin/node'];
  writeFileSync(at('main.mjs'), 'setInterval(() => {}, 1_000_000);\n');
  writeFileSync(at('bzImage'), 'a kernel of few words');
  writeFileSync(
    at('x.dockerfile'),
    `FROM scratch\nCOPY main.mjs /srv/\nCMD ${JSON.stringify([...node, '/srv/main.mjs'])}\n`,
  );
  const made = await called('rbuilds', '--kernel', at('bzImage'), 'x.dockerfile', '--cmd', 'make_eif');
  equal(made.code, 0, made.err);
  const started = await called('rbuilds', '--memory', '448', '--cpus', '1', '--cmd', 'run_eif_image');
  equal(started.code, 0, started.err);
  equal((await called('caisson', 'wait', 'app-builder-secure-enclaves-framework-toolkit', '--timeout', '30s')).code, 0);

  const old = ['run', '--cid', '127', '--port', '53000'];
  const listed = await called('pipeline', ...old, '--', 'ls', '-la', '/');
  equal(listed.code, 0, listed.err);
  match(listed.out, /^total [0-9]+\n(?:.*\n)*drwx.* apps\n/);
  match(listed.err, /^SIMULATED/);
  const failed = await called('pipeline', ...old, '--', 'sh', '-c', 'exit 7');
  equal(failed.code, 7);
  const sent = await called('pipeline', 'send-file', '--cid', '127', at('main.mjs'), '/srv/there.mjs');
  equal(sent.code, 0, sent.err);
  // A name of the image, which stays until it is told to end and says the truth about who listens.
  const named = await called('pipeline', ...old, '--', 'timeout', '1', 'pipeline', 'listen', '--port', '53000');
  deepEqual([named.code, named.out], [143, 'Pipeline listening on port 53000\n'], named.err);
  const { code, out } = await called('rbuilds', '--yes', '--cmd', 'drop_recent_enclave');
  equal(code, 0);
  match(out, /"Terminated": true/);
});

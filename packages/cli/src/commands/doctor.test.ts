// The doctor from the command line, on whatever machine this is: exit codes, documents, a plan that can be piped.
import assert from 'node:assert/strict';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { PassThrough } from 'node:stream';
import { after, before, test } from 'node:test';
import { assertFitsSchema } from '@caisson/testkit/contract';
import { type Heard, hear } from '@caisson/testkit/program';
import { planFacts, writePlan } from '../doctor-report.ts';
import { run } from '../run.ts';

let folder: string;
before(() => {
  folder = mkdtempSync(join(tmpdir(), 'caisson-doctor-cli-'));
  writeFileSync(join(folder, 'app.yaml'), 'name: app\nresources: { cpu_ids: [0] }\n');
  writeFileSync(join(folder, 'small.yaml'), 'name: app\nresources: { cpus: 1, memoryMiB: 64 }\n');
  writeFileSync(join(folder, 'bad.yaml'), 'nmae: app\n');
});
after(() => rmSync(folder, { recursive: true }));

async function doctor(...words: readonly string[]): Promise<Heard> {
  const env = { PATH: process.env['PATH'], HOME: folder, CAISSON_STATE: join(folder, 'state') };
  return await hear(run, ['doctor', ...words], { env });
}

interface Document {
  readonly fit: boolean;
  readonly verdicts: readonly { readonly backend: string; readonly canRun: boolean | null }[];
  readonly findings: readonly { readonly id: string; readonly level: string; readonly command: string | null }[];
}

test('examines this machine: one document, an exit code that is its verdict, a command for whatever is wrong', async () => {
  for (const words of [[], ['--backend', 'nitro'], ['-f', join(folder, 'small.yaml')]]) {
    const { code, out } = await doctor('--json', ...words);
    const document = JSON.parse(out) as Document;
    assertFitsSchema(document, 'doctor');
    assert.equal(code, document.fit ? 0 : 1);
    for (const { id, level, command } of document.findings)
      assert.ok(level === 'ok' || level === 'note' || command !== null, id);
    assert.equal(
      document.findings.some(({ id }) => id === 'ports'),
      words[0] === '-f',
    );
  }
});

test('says to a person first what can run, then what is not well, and what is well in one line', async () => {
  const { out } = await doctor();
  const lines = out.trimEnd().split('\n');
  assert.match(lines[0] ?? '', /^sim {3}can(not)? run/);
  assert.match(lines[2] ?? '', /^nitro can(not)? run/);
  assert.match(out, /^ok {4}[a-z-]+, [a-z-]+/m);
  assert.ok(lines.every((line) => line.length <= 200));
  assert.match((await doctor('--verbose')).out, /^ok {4}platform: Linux \d/m);
  assert.match((await doctor('--only', 'node')).out, /^ok {4}node: node \d+\.\d+\.\d+\n$/);
});

test('refuses a check or a file that is none, and a plan that this machine cannot hold, naming numbers', async () => {
  const unknown = await doctor('--only', 'nodes');
  assert.deepEqual([unknown.code, unknown.out], [64, '']);
  assert.match(unknown.err, /check must be one of .*, got "nodes"\n {2}hint: did you mean node\?/);
  assert.equal((await doctor('--backend', 'xen')).code, 64);
  assert.equal((await doctor('-f', join(folder, 'none.yaml'))).code, 1);
  assert.match((await doctor('-f', join(folder, 'bad.yaml'))).err, /bad\.yaml:1:1: .*did you mean name\?/);
  const plan = await doctor('--plan', join(folder, 'app.yaml'));
  assert.deepEqual([plan.code, plan.out], [1, '']);
  assert.match(plan.err, /no node of this machine holds app: node 0 cannot give the processors 0/);
});

test('prints a plan alone on stdout, so that it can be put in place by a pipe, and its reasons beside', () => {
  const plan = {
    memoryMiB: 512,
    cpuPool: [1, 3],
    node: 0,
    text: '---\nmemory_mib: 512\ncpu_pool: 1,3\n',
    reasons: ['memory_mib 512: app 512'],
    command: 'caisson doctor --plan app.yaml | sudo tee x',
  };
  const [stdout, stderr] = [new PassThrough(), new PassThrough()];
  writePlan(plan, stdout, stderr);
  assert.equal(String(stdout.read()), plan.text);
  assert.equal(String(stderr.read()), 'memory_mib 512: app 512\n$ caisson doctor --plan app.yaml | sudo tee x\n');
  assertFitsSchema(planFacts(plan), 'doctor-plan');
});

// exec, cp, jobs and the name pipeline in an enclave under the real PID 1, from the command line to the process and back.
import { deepEqual, equal, match, ok } from 'node:assert/strict';
import { randomBytes } from 'node:crypto';
import { mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { PassThrough, Readable } from 'node:stream';
import { type TestContext, test } from 'node:test';
import { createOperator } from '@caisson/host/operator';
import { assertFitsSchema } from '@caisson/testkit/contract';
import { run } from '../../packages/cli/src/run.ts';
import { openEnclave, service, supervisorSkip as skip } from './supervisor/scene.ts';

const timeout = 300_000;

async function open(context: TestContext) {
  const folder = mkdtempSync(join(tmpdir(), 'caisson-pipe-'));
  context.after(() => rmSync(folder, { recursive: true, force: true }));
  const own = { XDG_CONFIG_HOME: join(folder, 'config') };
  const { spkiSha256 } = await createOperator('alice', own);
  const entry = { name: 'alice', spkiSha256, verbs: ['all'], execTemplates: [] };
  const enclave = await openEnclave(context, [service('web', 'exec sleep 1000000')], {
    operators: { v: 1, rootKey: null, threshold: 1, operators: [entry] },
    // For terminals.
    binds: { '/dev': '/dev' },
  });
  await enclave.ready();
  const policy = {
    v: 1,
    backend: 'sim',
    pcrs: { 0: 'a5'.repeat(48) },
    roots: [enclave.rootPem],
    allowDevelopment: true,
  };
  writeFileSync(join(folder, 'policy.yaml'), JSON.stringify(policy));
  const env = { ...own, CAISSON_VSOCK: `fabric:${enclave.fabric}`, CAISSON_STATE: join(folder, 'state') };
  const call = async (words: readonly string[], name: string, stdin: string) => {
    const [stdout, stderr] = [new PassThrough(), new PassThrough()];
    const [out, err]: [Buffer[], Buffer[]] = [[], []];
    stdout.on('data', (chunk: Buffer) => out.push(chunk));
    stderr.on('data', (chunk: Buffer) => err.push(chunk));
    const terms = { stdin: Readable.from([Buffer.from(stdin)]), stdout, stderr, env, name, onReload: () => {} };
    const code = await run(words, { ...terms, stop: new AbortController().signal });
    return { code, out: Buffer.concat(out).toString(), err: Buffer.concat(err).toString() };
  };
  const flags = ['--policy', join(folder, 'policy.yaml')];
  return {
    enclave,
    folder,
    caisson: (words: readonly string[], stdin = '') => call(words, 'caisson', stdin),
    flags,
    pipeline: (words: readonly string[]) => call(words, 'pipeline', ''),
  };
}

test('commands, jobs and files of an operator reach a whole enclave and come back', {
  skip,
  timeout,
}, async (context) => {
  const { caisson, pipeline, flags, folder, enclave } = await open(context);
  const ran = await caisson(
    ['exec', '-i', ...flags, '16', '--', 'sh', '-c', 'cat; id -u; pwd; echo no >&2; exit 7'],
    'typed\n',
  );
  deepEqual([ran.code, ran.out], [7, 'typed\n0\n/\n'], ran.err);
  match(ran.err, /^SIMULATED: [^\n]*\nno\n$/);
  const killed = await caisson(['exec', ...flags, '16', '--', 'sh', '-c', 'kill -9 $$']);
  equal(killed.code, 137);
  const missing = await caisson(['exec', ...flags, '16', '--', '/no/such']);
  deepEqual([missing.code, /start \/no\/such/.test(missing.err)], [125, true], missing.err);
  const onTerminal = await caisson(['exec', '-t', ...flags, '16', '--', 'sh', '-c', 'test -t 1 && stty size']);
  deepEqual([onTerminal.code, onTerminal.out], [0, '24 80\r\n'], onTerminal.err);

  const bytes = randomBytes(3_000_000);
  mkdirSync(join(folder, 'tree/deep'), { recursive: true });
  writeFileSync(join(folder, 'tree/deep/big'), bytes);
  writeFileSync(join(folder, 'tree/small'), 'small');
  const sent = await caisson(['cp', '-r', '--json', ...flags, join(folder, 'tree'), '16:/run/there']);
  equal(sent.code, 0, sent.err);
  const document = JSON.parse(sent.out) as { files: number; bytes: number };
  assertFitsSchema(document, 'cp');
  deepEqual([document.files, document.bytes], [2, 3_000_005]);
  ok(readFileSync(enclave.inside('/run/there/deep/big')).equals(bytes));
  const back = await caisson(['cp', ...flags, '16:/run/there/deep/big', join(folder, 'back')]);
  equal(back.code, 0, back.err);
  ok(readFileSync(join(folder, 'back')).equals(bytes));

  const started = await caisson(['job', 'start', ...flags, '16', '--', 'sh', '-c', 'echo working; exit 3']);
  const name = started.out.trim();
  match(name, /^job-[a-z2-7]{8}$/, started.err);
  equal((await caisson(['job', 'wait', ...flags, '16', name])).code, 3);
  equal((await caisson(['job', 'logs', '-f', ...flags, '16', name])).out, 'working\n');
  const listed = await caisson(['job', 'list', '--json', ...flags, '16']);
  assertFitsSchema(JSON.parse(listed.out), 'job-list');
  equal((await caisson(['job', 'wait', ...flags, '16', 'job-aaaaaaaa'])).code, 125);

  const old = await pipeline(['run', '--cid', '16', '--port', '53000', ...flags, '--', 'echo', 'as', 'ever']);
  deepEqual([old.code, old.out], [0, 'as ever\n'], old.err);
  const line = await pipeline(['run', '--cid', '16', ...flags, '--command', 'echo "one word"']);
  deepEqual([line.code, line.out], [0, 'one word\n'], line.err);
  equal((await pipeline(['run', '--cid', '16', ...flags, '--command', 'ls | wc'])).code, 2);
  equal((await pipeline(['send-file', '--cid', '16', ...flags, join(folder, 'tree/small'), '/run/a/b/c'])).code, 0);
  equal(readFileSync(enclave.inside('/run/a/b/c'), 'utf8'), 'small');
  const got = join(folder, 'got');
  equal(
    (await pipeline(['recv-dir', '--cid', '16', ...flags, '--localdir', got, '--remotedir', '/run/there'])).code,
    0,
  );
  deepEqual(readdirSync(got).sort(), ['deep', 'small']);
  equal((await pipeline(['run', '--cid', '16', '--', 'true'])).code, 2, 'without a policy nothing is dialled');
  deepEqual(readdirSync(enclave.inside('/run/caisson/exec')), []);
});

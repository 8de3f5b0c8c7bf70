// nitro-cli's verbs from the command line, with a real shim over a nitro-cli that does what it is told: JSON, names, ids, exit codes.
import { deepEqual, equal, match, ok } from 'node:assert/strict';
import { createHash } from 'node:crypto';
import { chmodSync, mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { PassThrough } from 'node:stream';
import { after, afterEach, before, test } from 'node:test';
import { planEif } from '@caisson/core/eif';
import { measureImage } from '@caisson/host/image';
import { createFakeNitro, type FakeNitro } from '@caisson/testkit/nitro-cli';
import { hear, passForProgram } from '@caisson/testkit/program';
import { run } from './run.ts';

const folder = mkdtempSync(join(tmpdir(), 'caisson-nv-'));
const at = (name: string): string => join(folder, name);
const image = at('h.eif');
const words = ['run-enclave', '--eif-path', image, '--cpu-count', '2', '--memory', '64'];
let passNoMore = (): void => {};
let fake: FakeNitro;
let env: Record<string, string>;

before(async () => {
  const ramdisks = [Buffer.from('first'), Buffer.from('second')];
  const metadata = { ImageName: 'h', ImageVersion: '1' };
  const planned = await planEif(
    { architecture: 'x86_64', kernel: Buffer.from('kernel'), cmdline: 'quiet', metadata, ramdisks },
    () => createHash('sha384'),
  );
  const pieces: Uint8Array[] = [];
  for await (const piece of planned.open()) pieces.push(piece.slice());
  writeFileSync(image, Buffer.concat(pieces));
  mkdirSync(at('fake'));
  mkdirSync(at('fabric/3'), { recursive: true, mode: 0o700 });
  chmodSync(at('fabric'), 0o700);
  fake = createFakeNitro(at('fake'), { [image]: { ...(await measureImage(image)) } });
  env = {
    PATH: `${fake.path}:${process.env['PATH']}`,
    CAISSON_STATE: at('state'),
    CAISSON_NITRO_ROOT: fake.root,
    CAISSON_VSOCK: `fabric:${at('fabric')}`,
    XDG_CONFIG_HOME: at('config'),
    HOME: folder,
  };
  passNoMore = passForProgram();
});
afterEach(async () => {
  fake.script({});
  await caisson('terminate-enclave', '--all');
});
after(() => {
  passNoMore();
  fake.close();
  rmSync(folder, { recursive: true });
});

const caisson = (...line: readonly string[]) => hear(run, line, { env });

async function json<Value = Record<string, unknown>>(...line: readonly string[]): Promise<Value> {
  const { code, out, err } = await caisson(...line);
  equal(code, 0, err);
  return JSON.parse(out) as Value;
}

test('run-enclave, describe-enclaves and terminate-enclave work whole, with the keys of nitro-cli', async () => {
  const { code, out, err } = await caisson(...words);
  equal(code, 0, err);
  const started = JSON.parse(out);
  deepEqual(Object.keys(started), [
    ...['EnclaveName', 'EnclaveID', 'ProcessID', 'EnclaveCID', 'NumberOfCPUs', 'CPUIDs', 'MemoryMiB'],
  ]);
  deepEqual([started.EnclaveName, started.NumberOfCPUs, started.MemoryMiB], ['h', 2, 64]);
  match(started.EnclaveID, /^i-0123456789abcdef0-enc/);
  match(err, /^backend nitro \(/m);
  match(err, /^the image of h has no ready line: started means its heartbeat$/m);
  match(err, /^Started enclave with enclave-cid: \d+, memory: 64 MiB, cpu-ids: \[0, 1\]$/m);
  const [described, ...more] = await json<Record<string, unknown>[]>('describe-enclaves');
  equal(more.length, 0);
  const { State, Flags, Measurements, ...rest } = described ?? {};
  deepEqual(rest, started);
  const measured = await measureImage(image);
  deepEqual([State, Flags, Measurements], ['RUNNING', 'NONE', { HashAlgorithm: 'Sha384 { ... }', ...measured }]);
  const [withMetadata] = await json<Record<string, unknown>[]>('describe-enclaves', '--metadata');
  deepEqual([withMetadata?.['ImageName'], withMetadata?.['ImageVersion']], ['h', '1']);
  match((await caisson('ps')).out, /^h +\d+ +nitro +ready /m);
  const ended = await json('terminate-enclave', '--enclave-name', 'h');
  deepEqual(ended, { EnclaveName: 'h', EnclaveID: started.EnclaveID, Terminated: true });
  deepEqual(await json<unknown[]>('describe-enclaves'), []);
  deepEqual(fake.enclaves(), []);
  // As with nitro-cli nothing of it is left.
  equal(JSON.parse((await caisson('ps', '-a', '--json')).out).enclaves.length, 0);
});

test('a name that is taken gets a number, any name is taken as it stands, and --config says the same as flags', async () => {
  const config = at('config.json');
  writeFileSync(
    config,
    JSON.stringify({ eif_path: image, cpu_ids: [2, 3], memory_mib: 64, enclave_cid: 77, enclave_name: 'My_App' }),
  );
  const first = await json('run-enclave', '--config', config);
  deepEqual([first['EnclaveName'], first['EnclaveCID'], first['CPUIDs']], ['My_App', 77, [2, 3]]);
  const second = await json(...words.slice(0, 3), '--cpu-ids', '6', '7', '--memory', '64', '--enclave-name', 'My_App');
  equal(second['EnclaveName'], 'My_App_1');
  const ids = (await json<{ EnclaveID: string }[]>('describe-enclaves')).map(({ EnclaveID }) => EnclaveID);
  deepEqual(new Set(ids), new Set([first['EnclaveID'], second['EnclaveID']]));
  equal(
    (await json('terminate-enclave', '--enclave-id', String(first['EnclaveID'])))['EnclaveName'],
    first['EnclaveName'],
  );
  equal((await json<unknown[]>('terminate-enclave', '--all')).length, 1);
});

test('a failure is the code of nitro-cli, in the text and as the exit code, and nothing is left running', async () => {
  fake.script({ 'run-enclave': { fails: ['E26', 'E39'] } });
  const failed = await caisson(...words);
  deepEqual([failed.code, failed.out], [26, ''], failed.err);
  match(failed.err, /^\[ E26 \] enclave h did not start: nitro-cli run-enclave failed with E26: /m);
  match(failed.err, /^caisson explain E26 says/m);
  deepEqual(fake.enclaves(), []);
  fake.script({});
  const again = await json(...words);
  equal(again['EnclaveName'], 'h', 'a start that failed holds no name');
});

test('words that are missing, exclude each other or have no form end with 1, 2 and 3, and a file that is not there with 19', async () => {
  const cases: readonly (readonly [number, readonly string[], RegExp])[] = [
    [1, ['run-enclave'], /--eif-path or --config/],
    [1, words.slice(0, 5), /must be given --memory/],
    [1, [...words.slice(0, 3), '--memory', '64'], /--cpu-count or --cpu-ids/],
    [1, [...words, '--attach-console'], /must stand with --debug-mode/],
    [2, [...words, '--cpu-ids', '1'], /--cpu-count must stand without --cpu-ids/],
    [2, [...words, '--config', 'x'], /--config must stand without --eif-path/],
    [3, [...words.slice(0, 6), 'much'], /--memory must be an integer in 64\.\.16777216, got "much"/],
    [3, [...words, '--enclave-cid', '3'], /--enclave-cid must be an integer in 4/],
    [3, [...words, '--backend', 'cloud'], /--backend must be one of/],
    [19, ['run-enclave', '--eif-path', at('none.eif'), ...words.slice(3)], /must be an image file, got ENOENT/],
    [58, [...words, '--enclave-name', '../x'], /--enclave-name must be 1 to 63 of/],
    [1, ['terminate-enclave'], /must be given one of --enclave-id and --enclave-name and --all, got 0/],
    [2, ['terminate-enclave', '--all', '--enclave-name', 'h'], /got 2/],
    [58, ['terminate-enclave', '--enclave-name', 'h'], /one enclave must have the name h, got 0/],
    [40, ['terminate-enclave', '--enclave-id', 'i-x-enc1'], /one enclave must have the id i-x-enc1, got 0/],
    [58, ['console', '--enclave-name', 'h'], /one enclave must have the name h, got 0/],
  ];
  for (const [code, line, message] of cases) {
    const said = await caisson(...line);
    deepEqual([said.code, said.out], [code, ''], `${line.join(' ')}: ${said.err}`);
    match(said.err, message);
    match(said.err, new RegExp(`^\\[ E${String(code).padStart(2, '0')} \\] `));
  }
});

test('an enclave of somebody else is listed and ended through nitro-cli, and its console is left to nitro-cli', async () => {
  const { execFileSync } = await import('node:child_process');
  const program = join(fake.path, 'nitro-cli');
  execFileSync(program, [...words, '--enclave-cid', '90', '--enclave-name', 'theirs'], { stdio: 'ignore' });
  const [described] = await json<{ EnclaveID: string; EnclaveName: string; State: string }[]>('describe-enclaves');
  deepEqual([described?.EnclaveName, described?.State], ['theirs', 'RUNNING']);
  const console = await caisson('console', '--enclave-name', 'theirs');
  equal(console.code, 44);
  match(console.err, /hint: nitro-cli console --enclave-id i-/);
  const ended = await json('terminate-enclave', '--enclave-name', 'theirs');
  equal(ended['EnclaveID'], described?.EnclaveID);
  deepEqual(fake.enclaves(), []);
});

test('a console of an enclave that is not in debug mode is refused with 44, by the flags of nitro-cli', async () => {
  const { EnclaveID } = await json<{ EnclaveID: string }>(...words);
  for (const flags of [
    ['--enclave-id', EnclaveID],
    ['--enclave-name', 'h'],
  ]) {
    const { code, err } = await caisson('console', ...flags);
    equal(code, 44, err);
  }
  equal((await caisson('console', 'h')).code, 1, 'and with 1 by its name');
  ok((await caisson('console')).code === 64);
});

test('--attach-console shows the console until the enclave is ended', async () => {
  const [stdout, stderr] = [new PassThrough(), new PassThrough()];
  let text = '';
  const printed = new Promise<void>((resolve) => {
    stdout.setEncoding('utf8').on('data', (piece: string) => {
      text += piece;
      if (text.includes('booting')) resolve();
    });
  });
  const surroundings = { stdin: new PassThrough(), stdout, stderr, env, name: 'caisson', onReload: () => {} };
  const stop = new AbortController().signal;
  const attached = run([...words, '--debug-mode', '--attach-console'], { ...surroundings, stop });
  await printed;
  const [described] = await json<{ Flags: string }[]>('describe-enclaves');
  equal(described?.Flags, 'DEBUG_MODE');
  await json('terminate-enclave', '--enclave-name', 'h');
  equal(await attached, 0);
  match(text, /"EnclaveName": "h".*\n\}\nbooting\n/s);
  match(String(stderr.read()), /DEBUG: /);
});

test('an enclave on hardware whose shim was killed is still listed, and ended by its name', async () => {
  await json(...words);
  const { shim } = JSON.parse(readFileSync(join(at('state'), 'enclaves/h/state.json'), 'utf8'));
  process.kill(shim.pid, 'SIGKILL');
  while (!/ lost /.test((await caisson('ps')).out));
  const [described] = await json<{ EnclaveName: string; State: string }[]>('describe-enclaves');
  deepEqual([described?.EnclaveName, described?.State], ['h', 'RUNNING']);
  equal((await json('terminate-enclave', '--enclave-name', 'h'))['Terminated'], true);
  deepEqual(fake.enclaves(), []);
});

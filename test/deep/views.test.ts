// What people see of a real enclave, and the old verbs on one: the program itself, real shims, the simulator, the real PID 1.
import { deepEqual, equal, match, ok } from 'node:assert/strict';
import { copyFileSync, mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, before, test } from 'node:test';
import { assertFitsSchema } from '@caisson/testkit/contract';
import { programSkip as skip, startProgram, termsIn } from '../scenario/engine/program.ts';

// Short, because sockets lie in it.
const folder = mkdtempSync(join(tmpdir(), 'caisson-vw-'));
const at = (name: string): string => join(folder, name);
if (skip) console.error(`views: SKIPPED, NOTHING WAS STARTED: ${skip}`);
const options = { skip, timeout: 60_000 };

const terms = termsIn(folder);
const start = (words: readonly string[], name?: string) => startProgram(words, terms, name);
const caisson = (...words: readonly string[]) => start(words).ended;

async function json<Value>(...words: readonly string[]): Promise<Value> {
  const { code, out, err } = await caisson(...words);
  equal(code, 0, `${words.join(' ')}: ${err}`);
  return JSON.parse(out) as Value;
}

before(async () => {
  if (skip !== false) return;
  mkdirSync(at('source'));
  writeFileSync(at('source/package.json'), '{"main":"main.js"}');
  writeFileSync(at('source/main.js'), "console.log('says \\u001b[2J hello');\nsetInterval(() => {}, 1000000);\n");
  writeFileSync(
    at('caisson.yaml'),
    'name: web\nprofile: development\nimage: source\noperators: { local: dev }\nresources: { memoryMiB: 448 }\n',
  );
  const up = await caisson('up');
  equal(up.code, 0, up.err);
});
after(async () => {
  if (skip === false) await caisson('terminate-enclave', '--all');
  rmSync(folder, { recursive: true });
});

test('ps, logs, events, stats, console and wait show an enclave that runs', options, async () => {
  match((await caisson('ps')).out, /^web +\d+ +sim +ready /m);
  assertFitsSchema(await json('ps', '--json'), 'ps');
  const logs = await json<{ kept: boolean; lines: { service?: string; message: string }[] }>('logs', 'web', '--json');
  assertFitsSchema(logs, 'logs');
  equal(logs.kept, false);
  ok(
    logs.lines.some(({ service, message }) => service === 'app' && message === 'says \\u001b[2J hello'),
    JSON.stringify(logs),
  );
  const events = await json<{ events: { code: string }[] }>('events', 'web', '--json');
  assertFitsSchema(events, 'events');
  ok(events.events.some(({ code }) => code === 'ENCLAVE_HEARTBEAT'));
  const stats = await json<{ enclaves: [{ stats: { residentBytes: number } }] }>('stats', 'web', '--json');
  assertFitsSchema(stats, 'stats');
  ok(stats.enclaves[0].stats.residentBytes > 1_000_000);
  match((await caisson('console', 'web', '--no-follow')).out, /BOOT_STARTING/);
  const wait = await json<{ ready: boolean }>('wait', 'web', '--json');
  assertFitsSchema(wait, 'wait');
  equal(wait.ready, true);
  match((await caisson('wait', '16', '--timeout', '5')).out, /^READY +enclave 16 .*\nport 5000 +answers ok/s);
});

test('logs -f goes on until a signal, with the lines that come', options, async () => {
  const follow = start(['logs', 'web', '-f', '--tail', '1']);
  await follow.said(/\n/);
  follow.child.kill('SIGINT');
  const { code, err } = await follow.ended;
  equal(code, 130, err);
});

test(
  'run-enclave on a machine without hardware simulates, says so first, and its console and its end are nitro-cli’s',
  options,
  async () => {
    const [{ image }] = (await json<{ enclaves: [{ image: { path: string } }] }>('ps', '--json')).enclaves;
    copyFileSync(image.path, at('h.eif'));
    const words = ['run-enclave', '--eif-path', 'h.eif', '--cpu-count', '1', '--memory', '448', '--backend', 'sim'];
    const { code, out, err } = await caisson(...words);
    equal(code, 0, err);
    match(err, /^backend sim .*SIMULATED/);
    const { EnclaveID, EnclaveName } = JSON.parse(out);
    equal(EnclaveName, 'h');
    match(EnclaveID, /^i-caisson-enc[0-9a-f]{16}$/);
    const waited = await caisson('wait', 'h');
    equal(waited.code, 0, waited.err);
    match((await caisson('logs', 'h')).out, /^.* app .*hello$/m, 'its starter commands it');
    const console = start(['console', '--enclave-id', EnclaveID]);
    await console.said(/BOOT_STARTING/);
    const ended = await json<object>('terminate-enclave', '--enclave-id', EnclaveID);
    deepEqual(ended, { EnclaveName: 'h', EnclaveID, Terminated: true });
    equal((await console.ended).code, 0, 'a console ends with its enclave');
  },
);

test('rbuilds runs, lists and drops the image of ./eif, and keeps what was said', options, async () => {
  mkdirSync(at('eif'), { recursive: true });
  copyFileSync(at('h.eif'), at('eif/app-builder-secure-enclaves-framework.eif'));
  const lines = ['run_eif_image', 'list_enclaves', 'drop_enclave'];
  const words = ['--memory', '448', '--cpus', '1', ...lines.flatMap((line) => ['--cmd', line])];
  const { code, out, err } = await start(words, 'rbuilds').ended;
  equal(code, 0, err);
  match(out, /SIMULATED/);
  match(
    out,
    /"EnclaveName": "app_builder_secure_enclaves_framework_toolkit",.*"EnclaveCID": 127,.*"Terminated": true/s,
  );
  const log = readFileSync(at('eif/run-enclave.log'), 'utf8');
  for (const line of lines) match(log, new RegExp(`^\\$ ${line}$`, 'm'));
  equal((await json<{ enclaves: object[] }>('ps', '-a', '--json')).enclaves.length, 1, 'web alone is left');
});

test(
  'logs -f goes on through a restart and through the death of the shim, and ends with the enclave and its reason',
  options,
  async () => {
    const follow = start(['logs', 'web', '-f', '--tail', '1']);
    await follow.said(/\n/);
    equal((await caisson('restart', 'web')).code, 0);
    await follow.said(/ENCLAVE_AGAIN .*says \\u001b\[2J hello\n/s);
    const [pid] = readFileSync(at('s/enclaves/web/shim.pid'), 'utf8').split(' ');
    process.kill(Number(pid), 'SIGKILL');
    equal((await caisson('restart', 'web')).code, 0);
    await follow.said(/ENCLAVE_AGAIN .*SHIM_STARTED .*says \\u001b\[2J hello\n/s);
    equal((await caisson('stop', 'web')).code, 0);
    const { code, out, err } = await follow.ended;
    equal(code, 0, err);
    match(err, /enclave web is lost, its shim is gone.*\nenclave web is stopped: ended with 0\n/s);
    equal(out.match(/ app +\| says /g)?.length, 3, out);
    equal((await caisson('restart', 'web')).code, 0);
  },
);

test('of an enclave that has ended, logs and console show what its host kept', options, async () => {
  equal((await caisson('stop', 'web')).code, 0);
  const logs = await caisson('logs', 'web');
  equal(logs.code, 0, logs.err);
  match(logs.err, /enclave web is stopped: this is what its host kept/);
  match(logs.out, /ENCLAVE_ENDED/);
  match((await caisson('console', 'web')).out, /caisson-init: exit 0/);
  equal((await caisson('wait', 'web')).code, 3);
});

test('what a record names is pruned with --ended alone, and an image that nobody names without', options, async () => {
  interface Told {
    readonly bytes: number;
    readonly removed: readonly { readonly kind: string; readonly what: string }[];
  }
  const kinds = ({ removed }: Told): string[] => removed.map(({ kind, what }) => `${kind} ${what}`).sort();
  equal((await caisson('stop', 'web')).code, 0);
  deepEqual(kinds(await json<Told>('prune', '--json')), []);
  const told = await json<Told>('prune', '--ended', '--dry-run', '--json');
  assertFitsSchema(told, 'prune');
  deepEqual(kinds(told), ['built web', 'record web']);
  ok(told.bytes > 1_000_000);
  equal((await caisson('rm', 'web')).code, 0);
  deepEqual(kinds(await json<Told>('prune', '--json')), ['built web']);
  equal((await caisson('prune')).out, 'nothing to remove\n');
});

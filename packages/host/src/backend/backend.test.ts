// What every backend stands on: who has which CID, what a console may do to a terminal, which line is an exit code.
import { deepEqual, equal, match, ok, rejects, throws } from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import { once } from 'node:events';
import { mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, test } from 'node:test';
import { setTimeout as pause } from 'node:timers/promises';
import { CID_PARENT, toCid, toVsockPort } from '@caisson/core/address';
import { createFabricTransport } from '@caisson/link/transport';
import { laneBoundMs } from '@caisson/testkit/contract';
import fc from 'fast-check';
import { withLock } from '../file/index.ts';
import {
  awaitBoot,
  awaitHeartbeat,
  BootError,
  ConsoleRing,
  checkSpec,
  claimCid,
  clearLost,
  type EnclaveEnd,
  MAX_CONSOLE_BYTES,
  openRunFolder,
  readEnd,
  removeRemains,
  removeRunFolder,
} from './index.ts';

let state = '';
beforeEach(() => {
  state = mkdtempSync(join(tmpdir(), 'caisson-backend-'));
});
afterEach(() => rmSync(state, { recursive: true }));

test('gives each cid once, a freed one last, and a named one only while nobody has it', async () => {
  const [first, second] = [await claimCid(state, { name: 'a' }), await claimCid(state, { name: 'b' })];
  deepEqual([first.cid, second.cid], [16, 17]);
  await first.release();
  equal((await claimCid(state, { name: 'c' })).cid, 18);
  await rejects(claimCid(state, { name: 'd', cid: 17 }), {
    code: 'BACKEND_CID',
    message: `cid 17 must be free, enclave b of process ${process.pid} has it`,
  });
  equal((await claimCid(state, { name: 'd', cid: 16 })).cid, 16);
  await rejects(claimCid(state, { name: 'e', cid: 3 }), TypeError);
  const many = await Promise.all(Array.from({ length: 20 }, () => claimCid(state, { name: 'x' })));
  equal(new Set(many.map(({ cid }) => cid)).size, 20);
});

test('takes the cid of a process that is gone, also when its pid lives again, after what is left of it was removed', async () => {
  const { pid } = spawnSync('true');
  const taken = [
    { cid: 40, name: 'gone', pid, start: '1' },
    { cid: 41, name: 'reused', pid: process.pid, start: '1' },
  ];
  writeFileSync(join(state, 'cids'), JSON.stringify({ v: 1, next: 65_535, taken }));
  const cleared: number[] = [];
  const clear = async (cid: number): Promise<void> => void cleared.push(cid);
  deepEqual((await claimCid(state, { name: 'a', clear })).cid, 65_535);
  deepEqual(cleared, [40, 41]);
  equal((await claimCid(state, { name: 'b', clear })).cid, 16);
  deepEqual(cleared, [40, 41]);
});

test('what is left of processes that are gone can be removed without a claim, and of those that live nothing is', async () => {
  const { cid } = await claimCid(state, { name: 'a' });
  const pool = JSON.parse(readFileSync(join(state, 'cids'), 'utf8'));
  const gone = { cid: 40, name: 'gone', pid: process.pid, start: '1' };
  writeFileSync(join(state, 'cids'), JSON.stringify({ ...pool, taken: [...pool.taken, gone] }));
  const cleared: number[] = [];
  for (let round = 0; round < 2; round += 1) await clearLost(state, async (one) => void cleared.push(one));
  deepEqual(cleared, [40]);
  await rejects(claimCid(state, { name: 'b', cid }), { code: 'BACKEND_CID' });
});

test('refuses a cid pool that is none, or of another version, and changes nothing', async () => {
  for (const text of ['', '{', '{"v":2,"next":16,"taken":[]}', '{"v":1,"next":3,"taken":[]}', '[]']) {
    writeFileSync(join(state, 'cids'), text);
    await rejects(claimCid(state, { name: 'a' }), { code: 'BACKEND_STATE' });
    equal(readFileSync(join(state, 'cids'), 'utf8'), text);
  }
});

test('an exit code is the last line of the console and nothing else', () => {
  deepEqual(readEnd('x\ncaisson-init: exit 7\r\n', true), { kind: 'exited', code: 7 });
  deepEqual(readEnd('caisson-init: exit 255', false), { kind: 'exited', code: 255 });
  deepEqual(readEnd('caisson-init: exit 7\r\n[    2.1] reboot: Restarting system\r\n', false), {
    kind: 'exited',
    code: 7,
  });
  for (const text of [
    '',
    'caisson-init: exit 7\nafter\n',
    'caisson-init: exit 256\n',
    ' caisson-init: exit 1\n',
    'exit 1\n',
  ]) {
    deepEqual(readEnd(text, false), { kind: 'died', byHost: false }, text);
  }
});

test('a console keeps the newest bytes whatever comes, and its tail steers no terminal', () => {
  fc.assert(
    fc.property(fc.array(fc.uint8Array({ maxLength: 300_000 }), { maxLength: 6 }), (pieces) => {
      const ring = new ConsoleRing();
      for (const piece of pieces) ring.push(Buffer.from(piece));
      const all = Buffer.concat(pieces);
      ok(Buffer.from(ring.bytes).equals(all.subarray(-MAX_CONSOLE_BYTES)));
      ok(!/[\x00-\x09\x0b-\x1f\x7f-\x9f]/.test(ring.tail()));
    }),
    { seed: 8, numRuns: 50 },
  );
  const ring = new ConsoleRing();
  const heard: string[] = [];
  const stop = ring.listen((piece) => heard.push(Buffer.from(piece).toString()));
  ring.push(Buffer.from('one\n\x1b[2Jtwo\u202e\n'));
  stop();
  ring.push(Buffer.from('three\n'));
  equal(ring.tail(2), '[2Jtwo\nthree');
  deepEqual(heard, ['one\n\x1b[2Jtwo\u202e\n']);
});

test('a console keeps byte after byte in the time of the bytes, and exactly the newest', () => {
  const console = new ConsoleRing();
  const written: number[] = [];
  const write = (piece: Buffer): void => {
    console.push(piece);
    for (const byte of piece) written.push(byte);
  };
  const fromMs = performance.now();
  for (let at = 0; at < MAX_CONSOLE_BYTES + 100_000; at += 1) write(Buffer.of(at % 251));
  ok(performance.now() - fromMs < laneBoundMs(800), `${performance.now() - fromMs} ms`);
  for (const size of [0, 1, 70_000, MAX_CONSOLE_BYTES - 1, MAX_CONSOLE_BYTES, 3, MAX_CONSOLE_BYTES + 5, 7]) {
    write(Buffer.alloc(size, size % 256));
    ok(Buffer.from(console.bytes).equals(Buffer.from(written.slice(-MAX_CONSOLE_BYTES))), `after ${size}`);
  }
});

test('what a machine lacks is a limit, what is no number is a mistake', () => {
  const good = { name: 'a', image: 'x', memoryMiB: 64, cpus: { count: 1 } };
  checkSpec(good);
  const allowed = Number(/^Cpus_allowed_list:\t(\d+)/m.exec(readFileSync('/proc/self/status', 'latin1'))?.[1]);
  checkSpec({ ...good, cpus: { ids: [allowed] } });
  throws(() => checkSpec({ ...good, memoryMiB: 2 ** 30 }), { code: 'BACKEND_CAPACITY' });
  throws(() => checkSpec({ ...good, cpus: { ids: [allowed, 4_095] } }), {
    code: 'BACKEND_CAPACITY',
    message: 'enclave a must have cpus that this process may use, got 4095',
  });
  for (const bad of [
    { name: 'A' },
    { name: '' },
    { memoryMiB: 63 },
    { memoryMiB: 64.5 },
    { cpus: { count: 0 } },
    { cpus: { ids: [1, 1] } },
  ]) {
    throws(() => checkSpec({ ...good, ...bad }), TypeError, JSON.stringify(bad));
  }
});

test('only the byte of the heartbeat, from that enclave, is one', async () => {
  const folder = await openRunFolder(state);
  const cid = toCid(20);
  const parent = createFabricTransport({ directory: folder.fabric, localCid: CID_PARENT, hostWide: true });
  const heartbeat = await awaitHeartbeat(parent, cid);
  let isHeard = false;
  void heartbeat.heard.then(() => (isHeard = true));
  const target = { cid: CID_PARENT, port: toVsockPort(9000) };
  const say = async (from: number, bytes: Uint8Array): Promise<Buffer> => {
    const dialler = createFabricTransport({ directory: folder.fabric, localCid: toCid(from) });
    const socket = (await dialler.connect(target)).on('error', () => {});
    socket.write(bytes);
    const pieces: Buffer[] = [];
    return await new Promise((resolve) => {
      socket.on('data', (piece: Buffer) => pieces.push(piece));
      socket.once('end', () => socket.end()).once('close', () => resolve(Buffer.concat(pieces)));
    });
  };
  equal((await say(20, Buffer.of(0xb6))).length, 0);
  equal((await say(20, Buffer.of(0xb7, 0xb7))).length, 0);
  equal((await say(21, Buffer.of(0xb7))).length, 0);
  equal(isHeard, false);
  deepEqual(await say(20, Buffer.of(0xb7)), Buffer.of(0xb7));
  await heartbeat.heard;
  await heartbeat.close();
});

test('a boot is late or given up when that came first, whatever else has come while it was being started', async () => {
  const folder = await openRunFolder(state);
  const cid = toCid(22);
  const transport = createFabricTransport({ directory: folder.fabric, localCid: CID_PARENT, hostWide: true });
  const beat = async (): Promise<void> => {
    const dialler = createFabricTransport({ directory: folder.fabric, localCid: cid });
    const socket = (await dialler.connect({ cid: CID_PARENT, port: toVsockPort(9000) })).on('error', () => {});
    socket.write(Buffer.of(0xb7));
    await once(socket.resume(), 'end');
    socket.destroy();
  };
  const boot = (changes: object, run: () => Promise<void>) =>
    awaitBoot({
      spec: { name: 'a', image: 'x', memoryMiB: 64, cpus: { count: 1 }, ...changes },
      state,
      cid,
      transport,
      console: new ConsoleRing(),
      ended: new Promise(() => {}),
      run,
    });
  const late = boot({ bootMs: 1 }, async () => {
    await pause(20);
    await beat();
  });
  await rejects(late, { code: 'BACKEND_LATE' });
  const stop = new AbortController();
  const given = boot({ signal: stop.signal }, async () => {
    stop.abort(new Error('no more'));
    await beat();
  });
  await rejects(given, /no more/);
  await boot({}, beat);
});

test('a boot that waits for another one is given up when it is told to, and nothing of it runs', async () => {
  const folder = await openRunFolder(state);
  const transport = createFabricTransport({ directory: folder.fabric, localCid: CID_PARENT, hostWide: true });
  const stop = new AbortController();
  const waits = withLock(join(state, 'boot.lock'), async () => {
    const boot = awaitBoot({
      spec: { name: 'a', image: 'x', memoryMiB: 64, cpus: { count: 1 }, signal: stop.signal },
      state,
      cid: toCid(21),
      transport,
      console: new ConsoleRing(),
      ended: new Promise(() => {}),
      run: () => Promise.reject(new Error('it was started')),
    });
    stop.abort(new Error('no more'));
    await rejects(boot, /no more/);
  });
  await waits;
});

test('a boot that came to nothing is told in one line, with the line that its console stops at', () => {
  const told = (end: EnclaveEnd, tail: string) => new BootError('a', { end }, tail);
  const step = told(
    { kind: 'exited', code: 125 },
    'one\ncaisson-init: command /x: ENOENT\ncaisson-init: exit 125\nreboot: Restarting system\n',
  );
  equal(
    step.message,
    'enclave a ended with 125 before its heartbeat; its console stops at: caisson-init: command /x: ENOENT',
  );
  equal(
    new BootError('a', { lateMs: 5 }, '').message,
    'enclave a must send its heartbeat within 5 ms; its console is empty',
  );
  const timer = told({ kind: 'died', byHost: false }, "Kernel panic - not syncing: IO-APIC + timer doesn't work!\n");
  match(timer.hint ?? '', /no_timer_check/);
});

test('a run folder is the same one for whoever comes with another TMPDIR, until it is gone', async (context) => {
  const deep = join(state, 'b'.repeat(60));
  const before = process.env['TMPDIR'];
  context.after(() => {
    if (before === undefined) delete process.env['TMPDIR'];
    else process.env['TMPDIR'] = before;
  });
  const [one, other] = ['one', 'other'].map((name) => mkdtempSync(join(tmpdir(), `c-${name}-`)));
  context.after(() => {
    for (const path of [one!, other!]) rmSync(path, { recursive: true, force: true });
  });
  const openAt = async (place: string): Promise<string> => {
    process.env['TMPDIR'] = place;
    return (await openRunFolder(deep)).path;
  };
  const first = await openAt(one!);
  equal(first.startsWith(one!), true, first);
  equal(await openAt(other!), first);
  // Its folder went with the shell that had made it.
  rmSync(one!, { recursive: true });
  const next = await openAt(other!);
  equal(next.startsWith(other!), true, next);
  equal(await openAt(before ?? '/tmp'), next);
  await removeRunFolder(deep);
  deepEqual(readdirSync(deep), []);
});

test('a run folder is short and nobody else’s, and what is left of one cid is removed alone', async (context) => {
  const deep = join(state, 'a'.repeat(60));
  const folder = await openRunFolder(deep);
  context.after(() => rmSync(folder.path, { recursive: true, force: true }));
  ok(Buffer.byteLength(folder.path) <= 46);
  equal((await openRunFolder(deep)).path, folder.path);
  const comma = await openRunFolder(join(state, 'a,server=on'));
  ok(!comma.path.includes(','), comma.path);
  context.after(() => rmSync(comma.path, { recursive: true, force: true }));
  for (const cid of ['16', '17']) mkdirSync(join(folder.fabric, cid));
  for (const port of ['1073745920', '1073746176', '9000']) writeFileSync(join(folder.fabric, '3', port), '');
  writeFileSync(join(folder.path, '16.nsm'), '');
  await removeRemains(folder, toCid(16));
  const left = spawnSync('find', [folder.path, '-mindepth', '2', '-printf', '%P\n'])
    .stdout.toString()
    .split('\n')
    .sort();
  deepEqual(left.filter((name) => name.includes('/')).sort(), [
    'fabric/17',
    'fabric/3',
    'fabric/3/1073746176',
    'fabric/3/9000',
  ]);
  const open = join(state, 'open');
  mkdirSync(join(open, 'run'), { recursive: true, mode: 0o755 });
  await rejects(openRunFolder(open), {
    code: 'BACKEND_STATE',
    message: /must be this user's own folder with mode 700/,
  });
  match(folder.fabric, /fabric$/);
});

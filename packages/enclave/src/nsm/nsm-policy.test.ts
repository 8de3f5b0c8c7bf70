// The rules of the supervisor's NSM as one table, held twice: on the guard alone and through the socket, with a simulated NSM behind both.
import { deepEqual, equal, ok, rejects } from 'node:assert/strict';
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdirSync, mkdtempSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { before, describe, type TestContext, test } from 'node:test';
import { encodeCbor } from '@caisson/core/cbor';
import {
  createNsmClient,
  encodeNsmRequest,
  isReservedUserData,
  type NsmRequest,
  parseNsmRequest,
  parseNsmResponse,
} from '@caisson/core/nitro';
import { createSimulatedAuthority, createSimulatedNsm } from '@caisson/host/simulator';
import { openNsmSocket } from '@caisson/link/nsm';
import type { NsmDevice } from '@caisson/sys';
import { laneBoundMs } from '@caisson/testkit/contract';
import fc from 'fast-check';
import type { NsmCaller, NsmRefusal } from './caller.ts';
import { createGuardedNsm } from './guard.ts';
import {
  createCallerFinder,
  createNsmRate,
  openOwnNsm,
  type SupervisorNsmOptions,
  serveSupervisorNsm,
} from './index.ts';

let authority: Awaited<ReturnType<typeof createSimulatedAuthority>>;
before(async () => {
  authority = await createSimulatedAuthority();
});

const freeRate = { admit: async () => {} };
const someone: NsmCaller = { pid: 7, uid: 1000, service: 'api', pcrs: [17, 31], fieldLimitBytes: 1_024 };
const prefix = Buffer.from('CAISSON\0');

/** A device whose PCR16 is locked, as it is when the socket opens. */
async function bootedNsm(): Promise<NsmDevice> {
  const device = createSimulatedNsm({ authority });
  await createNsmClient(device).lockPcr(16);
  return device;
}

const attest = (fields: Partial<NsmRequest & { type: 'Attestation' }> = {}): NsmRequest => ({
  type: 'Attestation',
  userData: null,
  nonce: null,
  publicKey: null,
  ...fields,
});

interface Rule {
  readonly title: string;
  readonly request: NsmRequest | Uint8Array;
  readonly caller?: Partial<NsmCaller>;
  /** The NSM's word, or the type of a fulfilled request. */
  readonly answer: string;
  readonly refusal?: NsmRefusal['kind'];
}

const data = Uint8Array.of(1);
const contract: readonly Rule[] = [
  { title: 'describes itself to everybody', request: { type: 'DescribeNSM' }, answer: 'DescribeNSM' },
  { title: 'describes every PCR to everybody', request: { type: 'DescribePCR', index: 16 }, answer: 'DescribePCR' },
  { title: 'gives random bytes to everybody', request: { type: 'GetRandom' }, answer: 'GetRandom' },
  { title: 'gives a document to everybody', request: attest({ userData: Buffer.from('mine') }), answer: 'Attestation' },
  { title: 'extends a listed PCR', request: { type: 'ExtendPCR', index: 17, data }, answer: 'ExtendPCR' },
  { title: 'locks a listed PCR', request: { type: 'LockPCR', index: 31 }, answer: 'LockPCR' },
  {
    title: 'refuses to extend a PCR that is not listed',
    request: { type: 'ExtendPCR', index: 18, data },
    answer: 'InvalidOperation',
    refusal: 'pcr_not_listed',
  },
  {
    title: 'refuses to lock a PCR that is not listed',
    request: { type: 'LockPCR', index: 30 },
    answer: 'InvalidOperation',
    refusal: 'pcr_not_listed',
  },
  {
    title: 'refuses every PCR to a caller without service',
    request: { type: 'ExtendPCR', index: 17, data },
    caller: { service: null, pcrs: [] },
    answer: 'InvalidOperation',
    refusal: 'pcr_not_listed',
  },
  { title: 'refuses PCR16 as locked', request: { type: 'LockPCR', index: 16 }, answer: 'ReadOnlyIndex' },
  {
    title: 'refuses PCR16 even to whom a list would give it',
    request: { type: 'ExtendPCR', index: 16, data },
    caller: { pcrs: [16] },
    answer: 'ReadOnlyIndex',
  },
  {
    title: 'refuses the boot PCRs',
    request: { type: 'LockPCR', index: 0 },
    caller: { pcrs: [0] },
    answer: 'ReadOnlyIndex',
  },
  {
    title: 'refuses a PCR that no NSM has',
    request: { type: 'ExtendPCR', index: 32, data },
    caller: { pcrs: [32] },
    answer: 'InvalidIndex',
  },
  {
    title: 'refuses to lock a range, which is never one caller’s',
    request: { type: 'LockPCRs', range: 32 },
    answer: 'InvalidOperation',
    refusal: 'lock_range',
  },
  {
    title: 'refuses user data that begins CAISSON and a zero byte',
    request: attest({ userData: Buffer.concat([prefix, Buffer.from('x')]) }),
    answer: 'InvalidArgument',
    refusal: 'reserved_user_data',
  },
  {
    title: 'refuses the bare prefix too',
    request: attest({ userData: prefix }),
    answer: 'InvalidArgument',
    refusal: 'reserved_user_data',
  },
  {
    title: 'takes user data that only begins like it',
    request: attest({ userData: Buffer.from('CAISSON') }),
    answer: 'Attestation',
  },
  {
    title: 'takes the prefix as a nonce, which proves nothing',
    request: attest({ nonce: prefix }),
    answer: 'Attestation',
  },
  {
    title: 'takes fields of 1,024 bytes',
    request: attest({ nonce: new Uint8Array(1_024).fill(1) }),
    answer: 'Attestation',
  },
  ...(['nonce', 'userData', 'publicKey'] as const).map((field) => ({
    title: `refuses a ${field} of 1,025 bytes`,
    request: attest({ [field]: new Uint8Array(1_025) }),
    answer: 'InputTooLarge',
    refusal: 'field_too_large' as const,
  })),
  {
    title: 'takes 2,048 bytes from the line protocol and not one more',
    request: attest({ publicKey: new Uint8Array(2_049).fill(1) }),
    caller: { fieldLimitBytes: 2_048 },
    answer: 'InputTooLarge',
    refusal: 'field_too_large',
  },
  {
    title: 'refuses bytes that are no request',
    request: Uint8Array.of(0xff),
    answer: 'InvalidOperation',
    refusal: 'malformed',
  },
  {
    title: 'refuses a field given twice, behind which reserved user data could hide',
    request: Buffer.concat([
      Buffer.from('a16b4174746573746174696f6ea4', 'hex'),
      encodeCbor('user_data'),
      encodeCbor(null),
      encodeCbor('user_data'),
      encodeCbor(prefix),
      encodeCbor('nonce'),
      encodeCbor(null),
      encodeCbor('public_key'),
      encodeCbor(null),
    ]),
    answer: 'InvalidOperation',
    refusal: 'malformed',
  },
];

async function answerOf(device: NsmDevice, request: Rule['request']): Promise<string> {
  const response = parseNsmResponse(
    await device.request(request instanceof Uint8Array ? request : encodeNsmRequest(request)),
  );
  return response.type === 'Error' ? response.error : response.type;
}

interface Subject {
  readonly asked: NsmDevice;
  readonly refusals: string[];
}

function describeContract(name: string, open: (context: TestContext, caller: NsmCaller) => Promise<Subject>): void {
  describe(`the NSM policy, ${name},`, () => {
    for (const { title, request, caller, answer, refusal } of contract) {
      test(title, async (context) => {
        const { asked, refusals } = await open(context, { ...someone, ...caller });
        equal(await answerOf(asked, request), answer);
        deepEqual(refusals, refusal === undefined ? [] : [refusal]);
      });
    }
  });
}

describeContract('by the guard', async (_context, caller) => {
  const refusals: string[] = [];
  const onRefusal = ({ kind }: NsmRefusal): void => void refusals.push(kind);
  return {
    asked: createGuardedNsm({ device: await bootedNsm(), caller: Promise.resolve(caller), rate: freeRate, onRefusal }),
    refusals,
  };
});

async function serve(context: TestContext, options: Partial<SupervisorNsmOptions> = {}) {
  const folder = mkdtempSync(join(tmpdir(), 'caisson-'));
  const path = join(folder, 'nsm.sock');
  const refusals: string[] = [];
  const server = await serveSupervisorNsm({
    device: await bootedNsm(),
    path,
    peerOf: () => ({ pid: someone.pid, uid: someone.uid, gid: 1000 }),
    callerOf: async () => someone,
    rate: freeRate,
    onRefusal: ({ kind }) => refusals.push(kind),
    ...options,
  });
  context.after(async () => {
    await server.close();
    rmSync(folder, { recursive: true });
  });
  return { path, refusals };
}

describeContract('through the socket', async (context, caller) => {
  const { path, refusals } = await serve(context, { callerOf: async () => caller });
  const asked = await openNsmSocket(path);
  context.after(() => asked.close());
  return { asked, refusals };
});

test('the socket is open to every user and is not opened before PCR16 is locked', async (context) => {
  const { path } = await serve(context);
  equal(statSync(path).mode & 0o777, 0o666);
  await rejects(serve(context, { device: createSimulatedNsm({ authority }) }), { code: 'NSM_SERVED_TOO_EARLY' });
});

test('a peer that the kernel does not know is cut off before a byte is read', async (context) => {
  const { path, refusals } = await serve(context, { peerOf: () => undefined });
  const device = await openNsmSocket(path);
  await rejects(device.request(encodeNsmRequest({ type: 'GetRandom' })));
  deepEqual(refusals, ['unknown_peer']);
});

test('one user holds at most his share of the connections, and gets it back', async (context) => {
  let uid = 1;
  const { path, refusals } = await serve(context, { maxConnectionsPerUid: 2, peerOf: () => ({ pid: 7, uid, gid: 1 }) });
  const works = async (device: NsmDevice): Promise<boolean> =>
    answerOf(device, { type: 'GetRandom' }).then(
      () => true,
      () => false,
    );
  const [first, second, third] = [await openNsmSocket(path), await openNsmSocket(path), await openNsmSocket(path)];
  deepEqual([await works(first), await works(second), await works(third)], [true, true, false]);
  uid = 2;
  const other = await openNsmSocket(path);
  ok(await works(other));
  uid = 1;
  await first.close();
  let again = await openNsmSocket(path);
  // The server hears of the close a turn later.
  while (!(await works(again))) again = await openNsmSocket(path);
  ok(refusals.includes('too_many_connections'));
  for (const device of [second, third, other, again]) await device.close();
});

test('lets 40 requests through at once and 20 a second after that, each user for himself', async () => {
  let at = 1_000;
  const pauses: number[] = [];
  const rate = createNsmRate({ now: () => at, pause: async (ms) => void pauses.push(Math.round(ms)) });
  for (let count = 0; count < 40; count += 1) await rate.admit(5);
  deepEqual(pauses, []);
  for (let count = 0; count < 3; count += 1) await rate.admit(5);
  deepEqual(pauses, [50, 100, 150]);
  await rate.admit(6);
  equal(pauses.length, 3);
  at += 60_000;
  for (let count = 0; count < 40; count += 1) await rate.admit(5);
  equal(pauses.length, 3, 'a quiet minute gives the whole burst back and no more');
  await rate.admit(5);
  equal(pauses.length, 4);
});

test('forgets quiet users, so that user ids that come and go cost no memory', async () => {
  let at = 0;
  const rate = createNsmRate({ now: () => at, pause: async () => {} });
  for (let uid = 0; uid < 100_000; uid += 1) {
    at += 60;
    await rate.admit(uid);
  }
  const startedAtMs = performance.now();
  for (let uid = 0; uid < 1_000; uid += 1) await rate.admit(uid);
  ok(performance.now() - startedAtMs < laneBoundMs(500));
});

test('never asks the device for what it did not judge: random bytes reach it as its own requests or not at all', async () => {
  const seen: Uint8Array[] = [];
  const device: NsmDevice = {
    async request(bytes) {
      seen.push(bytes);
      return Uint8Array.of(0);
    },
    async close() {},
  };
  const guard = createGuardedNsm({ device, caller: Promise.resolve(someone), rate: freeRate });
  const field = fc.constantFrom(
    null,
    prefix,
    Buffer.concat([prefix, prefix]),
    Buffer.from('CAISSON'),
    new Uint8Array(1_025),
  );
  const requests = fc.oneof(
    fc.record({ type: fc.constant('Attestation' as const), userData: field, nonce: field, publicKey: field }),
    fc.record({ type: fc.constantFrom('LockPCR' as const, 'DescribePCR' as const), index: fc.nat(40) }),
    fc.record({ type: fc.constant('ExtendPCR' as const), index: fc.nat(40), data: fc.uint8Array({ maxLength: 4 }) }),
    fc.record({ type: fc.constant('LockPCRs' as const), range: fc.nat(40) }),
  );
  await fc.assert(
    fc.asyncProperty(requests, fc.uint8Array({ maxLength: 64 }), fc.nat(24), async (request, noise, at) => {
      const good = encodeNsmRequest(request);
      const bent = good.slice();
      if (at < bent.length) bent[at] = noise[0] ?? 0;
      for (const bytes of [good, bent, noise]) ok((await guard.request(bytes)).length > 0);
    }),
    { seed: 51, numRuns: 2_000 },
  );
  ok(seen.length > 0, 'some of them are requests');
  for (const bytes of seen) {
    const request = parseNsmRequest(bytes);
    deepEqual(Buffer.from(encodeNsmRequest(request)), Buffer.from(bytes));
    ok(request.type !== 'LockPCRs');
    if (request.type === 'LockPCR' || request.type === 'ExtendPCR') ok(someone.pcrs.includes(request.index));
    if (request.type === 'Attestation') ok(request.userData === null || !isReservedUserData(request.userData));
  }
});

test('hands a request in another order of keys to the device as it would have written it', async () => {
  const seen: Uint8Array[] = [];
  const device: NsmDevice = {
    async request(bytes) {
      seen.push(bytes);
      return Uint8Array.of(0);
    },
    async close() {},
  };
  const fields = new Map<string, null | Uint8Array>([
    ['public_key', null],
    ['nonce', data],
    ['user_data', null],
  ]);
  const guard = createGuardedNsm({ device, caller: Promise.resolve(someone), rate: freeRate });
  await guard.request(encodeCbor(new Map([['Attestation', fields]])));
  deepEqual(seen, [encodeNsmRequest(attest({ nonce: data }))]);
});

test('finds the service of a process by its line of parents, and none for a stranger', async (context) => {
  // A shell with a child: the child's parent is the service's main process.
  const shell = spawn('sh', ['-c', 'sleep 60 & echo $!; wait'], {
    stdio: ['ignore', 'pipe', 'ignore'],
    detached: true,
  });
  context.after(() => process.kill(-shell.pid!, 'SIGKILL'));
  const [line] = (await once(shell.stdout!, 'data')) as [Buffer];
  const find = createCallerFinder({
    services: [
      { name: 'api', nsmPcrs: [17] },
      { name: 'other', nsmPcrs: [18] },
    ],
    serviceOf: (pid) => (pid === shell.pid ? 'api' : undefined),
  });
  const child = { pid: Number(String(line)), uid: 12, gid: 12 };
  deepEqual(await find(child), { pid: child.pid, uid: 12, service: 'api', pcrs: [17], fieldLimitBytes: 1_024 });
  deepEqual(await find({ ...child, pid: process.pid }), {
    pid: process.pid,
    uid: 12,
    service: null,
    pcrs: [],
    fieldLimitBytes: 1_024,
  });
  deepEqual((await find({ ...child, pid: 0 })).service, null);
  deepEqual((await find({ ...child, pid: 2 ** 30 })).pcrs, []);
});

test('reads the parent of a process whose name is made to mislead, and knows the line protocol’s program', async (context) => {
  const proc = mkdtempSync(join(tmpdir(), 'caisson-'));
  context.after(() => rmSync(proc, { recursive: true }));
  mkdirSync(join(proc, '20'));
  writeFileSync(join(proc, '20/stat'), '20 (a) S 99 (x) S 10 20 20 0');
  const write = (root: string): void =>
    writeFileSync(join(proc, '20/cmdline'), `ld.so\0node\0${root}/usr/lib/caisson/caisson-enclave.mjs\0nsm\0`);
  write('');
  const find = createCallerFinder({
    proc,
    root: '/where/it/is',
    services: [
      { name: 'lines', nsmPcrs: [20] },
      { name: 'forged', nsmPcrs: [21] },
    ],
    serviceOf: (pid) => (pid === 10 ? 'lines' : pid === 99 ? 'forged' : undefined),
  });
  deepEqual(await find({ pid: 20, uid: 1, gid: 1 }), {
    pid: 20,
    uid: 1,
    service: 'lines',
    pcrs: [20],
    fieldLimitBytes: 2_048,
  });
  // In a simulation without a root of its own the program may be told by its whole path, and another's is another.
  for (const [root, fieldLimitBytes] of [
    ['/where/it/is', 2_048],
    ['/elsewhere', 1_024],
  ] as const) {
    write(root);
    deepEqual((await find({ pid: 20, uid: 1, gid: 1 })).fieldLimitBytes, fieldLimitBytes, root);
  }
});

test('takes the device from everybody else before it opens it', async (context) => {
  const folder = mkdtempSync(join(tmpdir(), 'caisson-'));
  context.after(() => rmSync(folder, { recursive: true }));
  const path = join(folder, 'nsm');
  writeFileSync(path, '', { mode: 0o666 });
  const device = await bootedNsm();
  let modeAtOpen = 0;
  const kernel = {
    async openNsm(at?: string) {
      modeAtOpen = statSync(at!).mode & 0o777;
      return device;
    },
  };
  equal(await openOwnNsm(kernel, path), device);
  equal(modeAtOpen, 0o600);
  await rejects(openOwnNsm(kernel, join(folder, 'absent')), { code: 'ENOENT' });
});

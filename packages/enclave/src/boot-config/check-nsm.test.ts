// Before anything trusts the NSM: on hardware or not is what a document proves, under a root of the test's own in AWS's place.
import { deepEqual, equal, rejects } from 'node:assert/strict';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { before, test } from 'node:test';
import { createNsmClient, type NsmClient } from '@caisson/core/nitro';
import { parsePem } from '@caisson/core/x509';
import { createSimulatedAuthority, createSimulatedNsm } from '@caisson/host/simulator';
import { checkNsmAtBoot, readClocksource } from './index.ts';

const measured = { 0: 'a0'.repeat(48), 1: 'a1'.repeat(48), 2: 'a2'.repeat(48) };
let authority: Awaited<ReturnType<typeof createSimulatedAuthority>>;
let ownRoot: Uint8Array;

before(async () => {
  authority = await createSimulatedAuthority();
  ownRoot = parsePem('CERTIFICATE', authority.rootPem);
});

const open = (pcrs: Record<number, string> = measured): NsmClient =>
  createNsmClient(createSimulatedNsm({ authority, pcrs }));
const check = (changes: Partial<Parameters<typeof checkNsmAtBoot>[0]> = {}): ReturnType<typeof checkNsmAtBoot> =>
  checkNsmAtBoot({ profile: 'production', nsm: open(), clocksource: 'tsc', ...changes });

test('a document under another root is no hardware: no clock is asked for, and both profiles go on', async () => {
  for (const profile of ['production', 'development'] as const) {
    deepEqual(await check({ profile }), { hardware: false, debug: false, concerns: [] });
  }
});

test('a development image ends on hardware, and runs there in debug mode only', async () => {
  const roots = [ownRoot];
  await rejects(check({ profile: 'development', roots, clocksource: 'kvm-clock' }), {
    code: 'BOOT_DEVELOPMENT_ON_HARDWARE',
    reason: 'dev-image-on-hardware',
  });
  const found = await check({ profile: 'development', roots, clocksource: 'kvm-clock', nsm: open({}) });
  equal(found.hardware && found.debug, true);
  deepEqual(
    found.concerns.map(({ reason }) => reason),
    ['nsm'],
  );
});

test('on hardware a production image needs the clock of the hypervisor, a development image reports it', async () => {
  const roots = [ownRoot];
  deepEqual(await check({ roots, clocksource: 'kvm-clock' }), { hardware: true, debug: false, concerns: [] });
  await rejects(check({ roots, clocksource: 'tsc' }), {
    code: 'BOOT_CLOCK',
    reason: 'clock',
    message: 'clock source must be kvm-clock on hardware, got "tsc"',
  });
  const found = await check({ profile: 'development', roots, clocksource: 'tsc', nsm: open({}) });
  deepEqual(
    found.concerns.map(({ reason }) => reason),
    ['clock', 'nsm'],
  );
});

test('hardware is seen whatever the clock in here says, because the document is judged at its own time', async () => {
  const late = await createSimulatedAuthority({ now: () => Date.now() - 5 * 86_400_000 });
  const nsm = createNsmClient(
    createSimulatedNsm({ authority: late, pcrs: measured, now: () => Date.now() - 5 * 86_400_000 }),
  );
  const roots = [parsePem('CERTIFICATE', late.rootPem)];
  equal((await check({ nsm, roots, clocksource: 'kvm-clock' })).hardware, true);
});

test('a production image refuses to be measured as nothing, and PCRs that somebody used before it', async () => {
  await rejects(check({ nsm: open({}) }), { code: 'BOOT_MEASUREMENT', reason: 'nsm' });
  for (const use of [(nsm: NsmClient) => nsm.lockPcr(31), (nsm: NsmClient) => nsm.extendPcr(17, Uint8Array.of(1))]) {
    const nsm = open();
    await use(nsm);
    await rejects(check({ nsm }), { code: 'BOOT_MEASUREMENT', reason: 'nsm' });
    equal((await check({ nsm, profile: 'development' })).concerns.length, 1);
  }
});

test('a later supervisor of the same boot does not mind what services did with their PCRs', async () => {
  const nsm = open();
  await nsm.extendPcr(17, Uint8Array.of(1));
  await nsm.lockPcr(16);
  deepEqual((await check({ nsm })).concerns, []);
});

test('an NSM that fails, answers with another document or has other registers ends the boot', async () => {
  const nsm = open();
  const old = await nsm.attestation({ nonce: new Uint8Array(32) });
  const bad: Partial<NsmClient>[] = [
    { describeNsm: () => Promise.reject(new Error('ioctl EIO')) },
    { describeNsm: async () => ({ ...(await nsm.describeNsm()), maxPcrs: 16 }) },
    { describeNsm: async () => ({ ...(await nsm.describeNsm()), digest: 'SHA256' }) },
    { attestation: () => Promise.reject(new Error('ioctl EIO')) },
    { attestation: async () => old },
    { attestation: async () => Uint8Array.of(1, 2, 3) },
    { describePcr: () => Promise.reject(new Error('ioctl EIO')) },
  ];
  for (const changes of bad) await rejects(check({ nsm: { ...nsm, ...changes } }), { code: 'BOOT_NSM', reason: 'nsm' });
});

test('reads the clock source, and nothing that is none', async () => {
  const folder = mkdtempSync(join(tmpdir(), 'caisson-'));
  const path = join(folder, 'current_clocksource');
  const seen: string[] = [];
  for (const text of ['kvm-clock\n', 'tsc', '', `${'x'.repeat(70)}\n`, 'two words\n']) {
    writeFileSync(path, text);
    seen.push(await readClocksource(path));
  }
  rmSync(folder, { recursive: true });
  deepEqual(seen, ['kvm-clock', 'tsc', 'unknown', 'unknown', 'unknown']);
  equal(await readClocksource(path), 'unknown');
});

// One simulator, several processes: shared PCRs and root, and the choice of an NSM by the environment.
import assert from 'node:assert/strict';
import { existsSync, mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, test } from 'node:test';
import { parseAttestationDocument } from '@caisson/core/attestation';
import { toUtf8 } from '@caisson/core/bytes';
import { createNsmClient } from '@caisson/core/nitro';
import { parsePem } from '@caisson/core/x509';
import { openNsmSocket } from '@caisson/link/nsm';
import type { Kernel, NsmDevice } from '@caisson/sys';
import { openNsmFromEnvironment } from './choose.ts';
import { serveSimulatedNsm } from './serve.ts';

let folder: string;
let socketPath: string;
beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'caisson-nsm-'));
  socketPath = join(folder, 'nsm.sock');
});
afterEach(() => rmSync(folder, { recursive: true, force: true }));

// A machine whose /dev/nsm gives `opened` or nothing. Only openNsm may be touched.
const kernelWith = (opened: () => Promise<NsmDevice>): Kernel => ({ openNsm: opened }) as unknown as Kernel;
const noDevice = kernelWith(() => Promise.reject(Object.assign(new Error('open ENOENT /dev/nsm'), { code: 'ENOENT' })));

test('two callers see one bank of PCRs, one module and one root', async () => {
  const state = join(folder, 'state');
  const served = await serveSimulatedNsm({ socketPath, state, pcrs: { 0: 'ab'.repeat(48) } });
  const pipes = [await openNsmSocket(socketPath), await openNsmSocket(socketPath)] as const;
  const [one, other] = pipes.map((pipe) => createNsmClient(pipe)) as [
    ReturnType<typeof createNsmClient>,
    ReturnType<typeof createNsmClient>,
  ];
  try {
    const extended = await one.extendPcr(16, toUtf8('config'));
    await one.lockPcr(16);
    assert.deepEqual(await other.describePcr(16), { lock: true, data: extended });
    await assert.rejects(other.extendPcr(16, toUtf8('again')), { nsmError: 'ReadOnlyIndex' });
    const { payload } = parseAttestationDocument(await other.attestation());
    assert.equal(payload.moduleId, served.moduleId);
    assert.deepEqual(payload.pcrs.get(16), extended);
    const rootPem = readFileSync(join(state, 'root.pem'), 'utf8');
    assert.equal(rootPem, served.rootPem);
    assert.deepEqual(parsePem('CERTIFICATE', rootPem), Uint8Array.from(payload.cabundle[0]!));
    assert.match(served.rootSha256, /^[0-9a-f]{64}$/);
  } finally {
    await Promise.all(pipes.map((pipe) => pipe.close()));
    await served.close();
  }
  assert.equal(existsSync(socketPath), false);
});

test('CAISSON_NSM=sim makes a simulator of this process, unix:PATH reaches a shared one', async () => {
  const served = await serveSimulatedNsm({ socketPath, moduleId: 'i-234-enc5678' });
  const shared = await openNsmFromEnvironment({ CAISSON_NSM: `unix:${socketPath}` }, noDevice);
  const own = await openNsmFromEnvironment({ CAISSON_NSM: 'sim' }, noDevice);
  try {
    assert.equal((await createNsmClient(shared).describeNsm()).moduleId, 'i-234-enc5678');
    assert.match((await createNsmClient(own).describeNsm()).moduleId, /^i-[0-9a-f]{17}-enc[0-9a-f]{16}$/);
  } finally {
    await shared.close();
    await own.close();
    await served.close();
  }
});

test('the device is the default, and nothing stands in for it when it is absent', async () => {
  const device: NsmDevice = { request: async () => new Uint8Array(), close: async () => {} };
  for (const environment of [{}, { CAISSON_NSM: 'device' }, { CAISSON_NSM: undefined }]) {
    assert.equal(
      await openNsmFromEnvironment(
        environment,
        kernelWith(async () => device),
      ),
      device,
    );
    await assert.rejects(openNsmFromEnvironment(environment, noDevice), {
      code: 'SIMULATOR_NSM_ABSENT',
      message: 'NSM device /dev/nsm must be there, got open ENOENT /dev/nsm',
      hint: /CAISSON_NSM=device.*CAISSON_NSM=sim.*CAISSON_NSM=unix:PATH/,
    });
  }
});

test('an absent socket and a word that is no choice are refused by name', async () => {
  await assert.rejects(openNsmFromEnvironment({ CAISSON_NSM: `unix:${socketPath}` }, noDevice), {
    code: 'SIMULATOR_NSM_ABSENT',
    message: new RegExp(`^NSM socket ${socketPath} must be there, got .*ENOENT`),
  });
  for (const choice of ['', 'simulated', 'unix:', '/run/nsm.sock', 'SIM']) {
    await assert.rejects(openNsmFromEnvironment({ CAISSON_NSM: choice }, noDevice), {
      code: 'SIMULATOR_NSM_CHOICE',
      message: `CAISSON_NSM must be device, sim or unix:PATH, got ${JSON.stringify(choice)}`,
    });
  }
});

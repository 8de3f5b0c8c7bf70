// QEMU's nitro-enclave machine as a backend: the image's own kernel, a real NSM device and AF_VSOCK inside, measured by code that is not ours.

import { createHash } from 'node:crypto';
import { mkdir } from 'node:fs/promises';
import { join } from 'node:path';
import { CID_PARENT } from '@caisson/core/address';
import { CaissonError } from '@caisson/core/errors';
import { parsePem } from '@caisson/core/x509';
import { createHybridTransport } from '@caisson/link/transport';
import {
  awaitBoot,
  type Backend,
  ConsoleRing,
  checkSpec,
  claimCid,
  clearLost,
  type DocumentOrigin,
  type EnclaveSpec,
  openRunFolder,
  pathOfCid,
  type RunningEnclave,
  readEnd,
  removeRemains,
  requireMeasurements,
  type Undo,
  unavailable,
  withUndo,
} from '../backend/index.ts';
import { type ImageErrorCode, measureImage, openImageFile } from '../image/index.ts';
import { createModuleId, createSimulatedAuthority } from '../simulator/index.ts';
import { type FindQemuOptions, type FoundQemu, findQemu } from './find-qemu.ts';
import { Machine } from './machine.ts';
import { createNsmFolder } from './nsm-folder.ts';

export interface QemuBackendOptions extends FindQemuOptions {
  /** The state folder (docs/wire/state.md); made when absent. */
  readonly state: string;
}

/** docs/qemu.md has the same list with its reasons. */
export const QEMU_DIFFERENCES: readonly string[] = [
  'SIMULATED: the machine is a process of this host, whose kernel and root see everything inside',
  'documents are signed by a root made here, or by nobody where this QEMU cannot; no verifier takes them that was not told to',
  'registers are measured by QEMU, the debug flag does not zero them, and the console is always there',
  'without /dev/kvm processors are emulated, which is 5 to 17 times slower',
  'an enclave cannot be asked to end from outside: stop ends the machine',
];

export function createQemuBackend({ state, folder }: QemuBackendOptions): Backend {
  return {
    kind: 'qemu',
    capabilities: { stopsInOrder: false, consoleAlways: true, memory: 'machine', cpuIds: true, users: true },
    async findMissing() {
      const found = findQemu({ folder });
      return 'program' in found ? [] : found;
    },
    describeDifferences: () => QEMU_DIFFERENCES,
    async endLeft() {
      const run = await openRunFolder(state);
      await clearLost(run.state, (cid) => removeRemains(run, cid));
      return 0;
    },
    async start(spec) {
      checkSpec(spec);
      const found = findQemu({ folder });
      if (!('program' in found)) throw unavailable('qemu', found);
      return await withUndo((undo) => startMachine(spec, found, state, undo));
    },
  };
}

async function startMachine(spec: EnclaveSpec, qemu: FoundQemu, state: string, undo: Undo): Promise<RunningEnclave> {
  const fromMs = performance.now();
  const { name, image, memoryMiB, cpus } = spec;
  const identity = await identityOf(image);
  const measurements = await measureImage(image);
  requireMeasurements(spec, measurements);
  const run = await openRunFolder(state);
  const claim = await claimCid(run.state, { name, cid: spec.cid, clear: (one) => removeRemains(run, one) });
  undo.add(() => claim.release());
  const { cid } = claim;
  undo.add(() => removeRemains(run, cid));
  await removeRemains(run, cid);
  const folder = pathOfCid(run, cid, 'vm');
  await mkdir(folder, { mode: 0o700 });
  const moduleId = createModuleId();
  const [documents, nsmFolder] = await openSigner(qemu, run.state, folder, moduleId, undo);
  const console = new ConsoleRing();
  const machine = new Machine({
    qemu,
    folder,
    image,
    cid,
    memoryMiB,
    moduleId,
    nsmFolder,
    console,
    cpuCount: 'count' in cpus ? cpus.count : cpus.ids.length,
    cpuIds: 'ids' in cpus ? cpus.ids : undefined,
  });
  const peers = new Map([[cid, machine.vsockPath]]);
  const transport = createHybridTransport({ localCid: CID_PARENT, peers, hostWide: true });
  const place = { cid, transport, vsock: `hybrid:${cid}=${machine.vsockPath}` };
  const stop = async (): Promise<void> => {
    machine.kill();
    await machine.ended;
  };
  undo.add(stop);
  await spec.onPlace?.(place);
  let byHost = false;
  const ended = machine.ended.then(async () => {
    await undo.run();
    return readEnd(new TextDecoder().decode(console.bytes), byHost);
  });
  const kill = (): typeof ended => {
    byHost = true;
    machine.kill();
    return ended;
  };
  await awaitBoot({ spec, state: run.state, cid, transport, console, ended, run: () => machine.start() });
  // QEMU opened the file by its path, so a file that was swapped in meanwhile would not be the one that was measured (P-G3).
  if ((await identityOf(image)) !== identity) {
    throw new CaissonError<ImageErrorCode>(
      'IMAGE_CHANGED',
      `image ${image} must not change while enclave ${name} boots, got another file, size or time`,
    );
  }
  return {
    name,
    ...place,
    backend: 'qemu',
    measurements,
    documents,
    console,
    ended,
    kill,
    pids: machine.pids,
    bootMs: Math.round(performance.now() - fromMs),
    departures: spec.debug === true ? ['the debug flag changes nothing in QEMU: registers are not zero'] : [],
    stop: kill,
  };
}

async function identityOf(image: string): Promise<string> {
  const file = await openImageFile(image);
  await file.close();
  return file.identity;
}

async function openSigner(
  qemu: FoundQemu,
  state: string,
  folder: string,
  moduleId: string,
  undo: Undo,
): Promise<[DocumentOrigin, string | undefined]> {
  if (!qemu.signs) return [{ kind: 'unsigned' }, undefined];
  const authority = await createSimulatedAuthority({ state: join(state, 'sim-authority') });
  const path = join(folder, 'nsm');
  const nsm = await createNsmFolder(path, authority, moduleId);
  undo.add(() => nsm.close());
  const rootSha256 = createHash('sha256').update(parsePem('CERTIFICATE', authority.rootPem)).digest('hex');
  return [{ kind: 'simulated', rootPem: authority.rootPem, rootSha256 }, path];
}

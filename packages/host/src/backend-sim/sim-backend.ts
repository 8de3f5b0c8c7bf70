// The simulator as a backend. A start takes these steps, each undone in reverse when a later one fails and at the enclave's end:
//
//   spec, machine, image looked at -> CID claimed -> simulated NSM with the image's measurements -> room staged -> ramdisks unpacked
//   -> (one boot at a time from here) port 9000 -> PID 1 -> heartbeat
import { availableParallelism } from 'node:os';
import { join } from 'node:path';
import { CID_PARENT, type Cid } from '@caisson/core/address';
import { createFabricTransport } from '@caisson/link/transport';
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
  type RunFolder,
  type RunningEnclave,
  removeRemains,
  requireMeasurements,
  type Undo,
  unavailable,
  withUndo,
} from '../backend/index.ts';
import { type ImageMeasurements, openImageFile } from '../image/index.ts';
import { serveSimulatedNsm } from '../simulator/index.ts';
import { adaptImage } from './adapt.ts';
import { chooseStage, isRoom, type StageChoice } from './choose-stage.ts';
import { appliesUsers, describeDepartures, PLAIN_DIFFERENCES, SIM_DIFFERENCES } from './difference.ts';
import { findHelper, findMissing } from './find-helper.ts';
import { measureOnce } from './measure-once.ts';
import { createMemoryGroup, removeMemoryGroup } from './memory-group.ts';
import { readImage } from './read-image.ts';
import { removeRoot } from './remove-root.ts';
import { Room } from './room.ts';
import { watchEnd } from './running.ts';
import { hidesOf, openStage } from './stage.ts';
import { unpackImage } from './unpack.ts';

export interface SimBackendOptions {
  /** The state folder (docs/wire/state.md); made when absent. */
  readonly state: string;
  /** As CAISSON_SIM has it: `auto`, or the kind that it must be (`StageWish`). Default auto. */
  readonly wish?: string | undefined;
}

const mebibyte = 2 ** 20;
const zeroPcr = '0'.repeat(96);

/** What a start needs besides its spec. */
interface Ground {
  readonly folder: RunFolder;
  readonly helper: string;
  readonly choice: StageChoice;
  readonly isRoot: boolean;
}

export function createSimBackend({ state, wish = 'auto' }: SimBackendOptions): Backend {
  const isRoot = process.getuid?.() === 0;
  return {
    kind: 'sim',
    // These are of a room. What a plain process lacks is told when one is started.
    capabilities: {
      stopsInOrder: true,
      consoleAlways: true,
      memory: isRoot ? 'processes' : 'files',
      cpuIds: true,
      users: isRoot,
    },
    findMissing: async () => findMissing(wish),
    describeDifferences() {
      try {
        return isRoom(chooseStage(requireHelper(), wish).kind) ? SIM_DIFFERENCES : PLAIN_DIFFERENCES;
      } catch {
        // Nothing can be started here; these are the differences of a simulation elsewhere.
        return SIM_DIFFERENCES;
      }
    },
    async endLeft() {
      const folder = await openRunFolder(state);
      await clearLost(folder.state, (cid) => clear(folder, cid));
      return 0;
    },
    async start(spec) {
      checkSpec(spec);
      const helper = requireHelper();
      // Checked before anything is made, so that a wish that cannot be fulfilled leaves no state folder. `auto` can always be fulfilled.
      if (wish !== 'auto') chooseStage(helper, wish);
      const folder = await openRunFolder(state);
      const ground = { folder, helper, choice: chooseStage(helper, wish, folder.path), isRoot };
      return await withUndo((undo) => startEnclave(spec, ground, undo));
    },
  };
}

async function startEnclave(spec: EnclaveSpec, ground: Ground, undo: Undo): Promise<RunningEnclave> {
  const { folder, helper, choice, isRoot } = ground;
  const fromMs = performance.now();
  const { name, memoryMiB, signal } = spec;
  const file = await openImageFile(spec.image);
  try {
    const { measurements, ramdisks } = await measureOnce(file, folder.state);
    requireMeasurements(spec, measurements);
    const image = await readImage(file, ramdisks, memoryMiB * mebibyte, hidesOf(choice.kind));
    const claim = await claimCid(folder.state, { name, cid: spec.cid, clear: (one) => clear(folder, one) });
    undo.add(() => claim.release());
    const { cid } = claim;
    undo.add(() => clear(folder, cid));
    await clear(folder, cid);
    const stage = await openStage(choice.kind, folder, cid);
    const adapted = adaptImage(image, { appliesUsers: appliesUsers(choice.kind, isRoot), root: stage.root });
    const transport = createFabricTransport({ directory: stage.fabric, localCid: CID_PARENT, hostWide: true });
    const place = { cid, transport, vsock: `fabric:${stage.fabric}` };
    await spec.onPlace?.(place);
    const documents = await serveNsm(spec, folder, cid, measurements, undo);
    const console = new ConsoleRing();
    const group = await createMemoryGroup(folder.state, cid, memoryMiB * mebibyte);
    if (group !== undefined) undo.add(() => group.remove());
    const terms = { cid, nsm: pathOfCid(folder, cid, 'nsm'), memoryBytes: memoryMiB * mebibyte };
    const room = new Room({
      helper,
      words: stage.words(terms),
      console,
      cpuIds: 'ids' in spec.cpus ? spec.cpus.ids : undefined,
    });
    undo.add(async () => {
      room.kill();
      await room.ended;
    });
    const pid = await room.staged();
    await unpackImage(file, ramdisks, image, { target: `/proc/${pid}/cwd`, stage, instead: adapted.instead, signal });
    await file.requireUnchanged();
    await group?.add(pid);
    const running = watchEnd(room, console, undo);
    await awaitBoot({
      spec,
      state: folder.state,
      cid,
      transport,
      console,
      ended: running.ended,
      run: () => room.start(),
    });
    return {
      name,
      ...place,
      backend: 'sim',
      measurements,
      documents,
      console,
      ...running,
      pids: room.pids,
      bootMs: Math.round(performance.now() - fromMs),
      departures: describeDepartures({
        ...adapted,
        stage: choice,
        isRoot,
        hasMemoryGroup: group !== undefined,
        // A simulation has all CPUs of this machine, so fewer is a departure.
        cpuCount: 'count' in spec.cpus && spec.cpus.count < availableParallelism() ? spec.cpus.count : undefined,
        leftOut: image.leftOut,
      }),
    };
  } finally {
    await file.close();
  }
}

function requireHelper(): string {
  const helper = findHelper();
  if (helper !== undefined && process.platform === 'linux') return helper;
  const [missing = { what: 'caisson-sim', get: 'npm run build' }] = findMissing('auto');
  throw unavailable('sim', [missing]);
}

async function clear(folder: RunFolder, cid: Cid): Promise<void> {
  await removeRoot(pathOfCid(folder, cid, 'root'));
  await removeRemains(folder, cid);
  await removeMemoryGroup(folder.state, cid);
}

async function serveNsm(
  { debug = false }: EnclaveSpec,
  folder: RunFolder,
  cid: Cid,
  { PCR0, PCR1, PCR2, PCR8 }: ImageMeasurements,
  undo: Undo,
): Promise<DocumentOrigin> {
  // As on hardware: an enclave in debug mode proves nothing.
  const pcrs = debug ? { 0: zeroPcr, 1: zeroPcr, 2: zeroPcr } : { 0: PCR0, 1: PCR1, 2: PCR2 };
  const nsm = await serveSimulatedNsm({
    socketPath: pathOfCid(folder, cid, 'nsm'),
    pcrs: { ...pcrs, ...(PCR8 !== undefined && { 8: PCR8 }) },
    state: join(folder.state, 'sim-authority'),
  });
  undo.add(() => nsm.close());
  return { kind: 'simulated', rootPem: nsm.rootPem, rootSha256: nsm.rootSha256 };
}

// Hardware as a backend: nitro-cli starts and ends enclaves, and nothing that it says is believed unseen. A start takes these steps:
//
//   spec, machine, image looked at -> (one start at a time from here) leftovers of dead launches ended -> CPUs, memory, CID checked against what runs
//   -> record written -> run-enclave, which waits for the heartbeat itself -> found by name -> registers compared
import { randomBytes } from 'node:crypto';
import { join, resolve } from 'node:path';
import { CaissonError } from '@caisson/core/errors';
import type { Transport } from '@caisson/link/transport';
import {
  type Backend,
  type BackendErrorCode,
  checkSpecForm,
  claimCid,
  type EnclaveSpec,
  openRunFolder,
  type RunningEnclave,
  requireMeasurements,
  type Undo,
  unavailable,
  withUndo,
} from '../backend/index.ts';
import { withLock } from '../file/index.ts';
import { measureOpenImage, openImageFile } from '../image/index.ts';
import { endLeft, takeOver } from './adopt.ts';
import { launch } from './launch.ts';
import { nameOfLaunch, readLeftRecords, removeRecord, writeRecord } from './launch-record.ts';
import { NitroDriver, type NitroTimes, STANDARD_NITRO_TIMES } from './nitro-driver.ts';
import { watchEnclave } from './nitro-enclave.ts';
import type { DescribedEnclave } from './output.ts';
import { checkCapacity, findMissingParts, findNitroCli, readParentMachine } from './parent-machine.ts';

export interface NitroBackendOptions {
  /** The state folder (docs/wire/state.md); made when absent. */
  readonly state: string;
  /** The parent's side of the wall: AF_VSOCK on hardware. */
  readonly transport: Transport;
  /** The same for other processes, in the form of CAISSON_VSOCK. Default `kernel`. */
  readonly vsock?: string;
  /** Where nitro-cli is looked for. Default: PATH. */
  readonly path?: string | undefined;
  /** Where /etc, /sys and /dev are looked for. Default `/`. */
  readonly root?: string;
  /** Default 10,000, 5,000 and 100. */
  readonly times?: Partial<NitroTimes>;
}

// Chosen. Nobody waits longer than the slowest boots before this one take.
const lockMs = 300_000;
const forgetMs = 600_000;

export function createNitroBackend(options: NitroBackendOptions): Backend {
  const { root = '/', path = process.env['PATH'], times } = options;
  async function withDriver<Result>(run: (driver: NitroDriver, undo: Undo) => Promise<Result>): Promise<Result> {
    const program = findNitroCli(path);
    const missing = findMissingParts(root, program);
    if (program === undefined || missing.length > 0) throw unavailable('nitro', missing);
    return await withUndo((undo) => run(new NitroDriver(program, { ...STANDARD_NITRO_TIMES, ...times }), undo));
  }
  return {
    kind: 'nitro',
    capabilities: { stopsInOrder: false, consoleAlways: false, memory: 'machine', cpuIds: true, users: true },
    findMissing: async () => findMissingParts(root, findNitroCli(path)),
    describeDifferences: () => [],
    async start(spec) {
      checkSpecForm(spec);
      return await withDriver((driver, undo) => startEnclave(spec, options, driver, undo));
    },
    async adopt(spec) {
      checkSpecForm(spec);
      return await withDriver((driver, undo) => adoptEnclave(spec, options, driver, undo));
    },
    endLeft: (name) =>
      withDriver(async (driver) => {
        const { state } = await openRunFolder(options.state);
        return await endLeft(driver, state, name);
      }),
  };
}

async function startEnclave(
  spec: EnclaveSpec,
  { state: stateFolder, transport, vsock = 'kernel', root = '/' }: NitroBackendOptions,
  driver: NitroDriver,
  undo: Undo,
): Promise<RunningEnclave> {
  const { name, isKept = false, signal } = spec;
  const image = resolve(spec.image);
  const { measurements, size } = await measure(image);
  requireMeasurements(spec, measurements);
  const { state } = await openRunFolder(stateFolder);
  let fromMs = 0;
  const { cid, enclave, found, departures } = await withLock(
    join(state, 'boot.lock'),
    async () => {
      // All of it in turn: what was free before the lock was had may be another's by now, and a hundred calls of nitro-cli at once answer nobody in
      // time.
      const others = await endLeftovers(driver, state, name);
      const taken = others.flatMap(({ CPUIDs }) => CPUIDs ?? []);
      checkCapacity(spec, size, readParentMachine(root), taken);
      const claim = await claimCid(state, { name, cid: spec.cid });
      undo.add(() => claim.release());
      const { cid } = claim;
      requireFreeCid(cid, others);
      const enclave = `${name}-${randomBytes(8).toString('hex')}`;
      await spec.onPlace?.({ cid, transport, vsock });
      await writeRecord(state, enclave, { isKept });
      fromMs = performance.now();
      spec.onBoot?.();
      return { cid, enclave, ...(await launch(driver, { spec, image, state, enclave, cid, measurements })) };
    },
    { timeoutMs: lockMs, signal },
  );
  const bootMs = Math.round(performance.now() - fromMs);
  const about = { spec, state, cid, transport, vsock, measurements, found, enclave, departures, bootMs };
  return watchEnclave(driver, about, undo);
}

async function adoptEnclave(
  spec: EnclaveSpec,
  { state: stateFolder, transport, vsock = 'kernel' }: NitroBackendOptions,
  driver: NitroDriver,
  undo: Undo,
): Promise<RunningEnclave | undefined> {
  // What runs is compared with what was asked for. The file at that path may have changed meanwhile, or be gone.
  const measurements = spec.measurements ?? (await measure(resolve(spec.image))).measurements;
  const { state } = await openRunFolder(stateFolder);
  const left = await takeOver(driver, state, spec, measurements);
  if (left === undefined) return undefined;
  const { found, enclave } = left;
  const claim = await claimCid(state, { name: spec.name, cid: found.EnclaveCID });
  undo.add(() => claim.release());
  const about = {
    spec,
    state,
    cid: claim.cid,
    transport,
    vsock,
    measurements,
    found,
    enclave,
    departures: [],
    bootMs: 0,
  };
  return watchEnclave(driver, about, undo);
}

async function measure(image: string) {
  const file = await openImageFile(image);
  try {
    const { measurements } = await measureOpenImage(file);
    await file.requireUnchanged();
    return { measurements, size: file.size };
  } finally {
    await file.close();
  }
}

/** Ends what launches of dead processes have left, and resolves with what else runs. Under `name` nothing may run besides what is started now. */
async function endLeftovers(driver: NitroDriver, state: string, name: string): Promise<readonly DescribedEnclave[]> {
  const running = await driver.describe();
  let others = running;
  for (const record of await readLeftRecords(state)) {
    const { enclave, atMs, isGivenUp, isKept } = record;
    const left = running.find(({ EnclaveName }) => EnclaveName === enclave);
    // The process that started it, or its successor, will come back for it.
    if (left !== undefined && isKept && !isGivenUp && nameOfLaunch(record) !== name) continue;
    if (left !== undefined) {
      await driver.terminate(left);
      others = others.filter((one) => one !== left);
    }
    // A launch that was cut off may still bring its enclave up, so its record stays for a while.
    if (left !== undefined || Date.now() - atMs > forgetMs) await removeRecord(state, enclave);
  }
  return others;
}

function requireFreeCid(cid: number, others: readonly DescribedEnclave[]): void {
  const holder = others.find(({ EnclaveCID }) => EnclaveCID === cid);
  if (holder === undefined) return;
  throw new CaissonError<BackendErrorCode>(
    'BACKEND_CID',
    `cid ${cid} must be free, enclave ${holder.EnclaveName ?? holder.EnclaveID} of process ${holder.ProcessID} has it`,
    { hint: 'name another, or none to get the next one' },
  );
}

// Hardware as a backend: nitro-cli starts and ends enclaves, and nothing that it says is believed unseen. A start takes these steps:
//
//   spec, machine, image looked at -> leftovers of dead launches ended -> CPUs, memory, CID checked against what runs -> record written
//   -> (one boot at a time from here) run-enclave, which waits for the heartbeat itself -> found by name -> registers compared
import { randomBytes } from 'node:crypto';
import { join, resolve } from 'node:path';
import { CaissonError } from '@caisson/core/errors';
import type { Transport } from '@caisson/link/transport';
import {
  type Backend,
  type BackendErrorCode,
  ConsoleRing,
  checkSpecForm,
  claimCid,
  type EnclaveSpec,
  openRunFolder,
  type RunningEnclave,
  readEnd,
  Undo,
} from '../backend/index.ts';
import { withLock } from '../file/index.ts';
import { measureOpenImage, openImageFile } from '../image/index.ts';
import { openConsole } from './console.ts';
import { launch } from './launch.ts';
import { readLeftRecords, removeRecord, writeRecord } from './launch-record.ts';
import { NitroDriver, type NitroTimes } from './nitro-driver.ts';
import type { DescribedEnclave } from './output.ts';
import { checkCapacity, findMissingParts, findNitroCli, readParentMachine } from './parent-machine.ts';
import { awaitGone, readLife } from './process-life.ts';

export interface NitroBackendOptions {
  /** The state folder (wire.md 10); made when absent. */
  readonly state: string;
  /** The parent's side of the wall: AF_VSOCK on hardware. */
  readonly transport: Transport;
  /** Where nitro-cli is looked for. Default: PATH. */
  readonly path?: string | undefined;
  /** Of /etc, /sys and /dev. Default `/`. */
  readonly root?: string;
  /** Default 10,000, 5,000 and 100. */
  readonly times?: Partial<NitroTimes>;
}

// Chosen. Nobody waits longer than the slowest boots before this one.
const lockMs = 300_000;
const defaultTimes: NitroTimes = { callMs: 10_000, settleMs: 5_000, pollMs: 100 };
const forgetMs = 600_000;

export const NITRO_DEBUG_WARNING =
  'DEBUG: PCR0 to PCR2 are zero in the documents of this enclave, whatever describe-enclaves prints, and its console is open: it proves nothing';

export function createNitroBackend(options: NitroBackendOptions): Backend {
  const { root = '/', path = process.env['PATH'], times } = options;
  return {
    kind: 'nitro',
    capabilities: { stopsInOrder: false, consoleAlways: false, memory: 'machine', cpuIds: true, users: true },
    findMissing: async () => findMissingParts(root, findNitroCli(path)),
    describeDifferences: () => [],
    async start(spec) {
      checkSpecForm(spec);
      const program = findNitroCli(path);
      const missing = findMissingParts(root, program);
      if (program === undefined || missing.length > 0) {
        const what = missing.map((one) => one.what).join(' and ');
        const hint = missing.map((one) => one.get).join('; ');
        throw new CaissonError<BackendErrorCode>('BACKEND_UNAVAILABLE', `the backend nitro needs ${what}`, { hint });
      }
      const undo = new Undo();
      try {
        const driver = new NitroDriver(program, { ...defaultTimes, ...times });
        return await startEnclave(spec, options, driver, undo);
      } catch (error) {
        await undo.run();
        throw error;
      }
    },
  };
}

async function startEnclave(
  spec: EnclaveSpec,
  { state: stateFolder, transport, root = '/' }: NitroBackendOptions,
  driver: NitroDriver,
  undo: Undo,
): Promise<RunningEnclave> {
  const { name, debug = false } = spec;
  const image = resolve(spec.image);
  const { measurements, size } = await measure(image);
  const { state } = await openRunFolder(stateFolder);
  const claim = await claimCid(state, { name, cid: spec.cid });
  undo.add(() => claim.release());
  const { cid } = claim;
  const others = await endLeftovers(driver, state);
  checkCapacity(
    spec,
    size,
    readParentMachine(root),
    others.flatMap(({ CPUIDs }) => CPUIDs ?? []),
  );
  requireFreeCid(cid, others);
  const enclave = `${name}-${randomBytes(8).toString('hex')}`;
  await writeRecord(state, enclave, false);
  const fromMs = performance.now();
  const { found, departures } = await withLock(
    join(state, 'boot.lock'),
    () => launch(driver, { spec, image, state, enclave, cid, measurements }),
    { timeoutMs: lockMs },
  );
  const life = readLife(found.ProcessID);
  const console = new ConsoleRing();
  const reader = debug ? openConsole(driver.program, found.EnclaveID, console) : undefined;
  let byHost = false;
  const ended = awaitGone(found.ProcessID, life, driver.times.pollMs).then(async () => {
    await reader?.close();
    await removeRecord(state, enclave);
    await undo.run();
    return readEnd(new TextDecoder().decode(console.bytes), byHost);
  });
  let hasEnded = false;
  void ended.then(() => (hasEnded = true));
  const kill = async (): Promise<Awaited<typeof ended>> => {
    if (!hasEnded && readLife(found.ProcessID) === life) {
      byHost = true;
      await driver.terminate(found.EnclaveID);
    }
    return await ended;
  };
  return {
    ...{ name, cid, backend: 'nitro', measurements, transport, console, ended, kill },
    stop: kill,
    pids: [found.ProcessID],
    documents: { kind: 'aws' },
    bootMs: Math.round(performance.now() - fromMs),
    vsock: 'kernel',
    departures: debug ? [NITRO_DEBUG_WARNING, ...departures] : departures,
  };
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

/** What runs, without what launches of dead processes had left. */
async function endLeftovers(driver: NitroDriver, state: string): Promise<readonly DescribedEnclave[]> {
  const running = await driver.describe();
  let others = running;
  for (const { enclave, atMs } of await readLeftRecords(state)) {
    const left = running.find(({ EnclaveName }) => EnclaveName === enclave);
    if (left !== undefined) {
      await driver.terminate(left.EnclaveID);
      others = others.filter((one) => one !== left);
    }
    // A launch that was cut may still bring its enclave up.
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

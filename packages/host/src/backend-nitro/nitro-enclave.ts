// An enclave that runs, from when it was found to its end, whether this process started it or took it over.
import type { Cid } from '@caisson/core/address';
import type { Transport } from '@caisson/link/transport';
import {
  ConsoleRing,
  type EnclaveEnd,
  type EnclaveSpec,
  type RunningEnclave,
  readEnd,
  type Undo,
} from '../backend/index.ts';
import type { ImageMeasurements } from '../image/index.ts';
import { openConsole } from './console.ts';
import { removeRecord } from './launch-record.ts';
import type { NitroDriver } from './nitro-driver.ts';
import type { DescribedEnclave } from './output.ts';
import { awaitGone, readLife } from './process-life.ts';

export interface FoundEnclave {
  readonly spec: EnclaveSpec;
  readonly state: string;
  readonly cid: Cid;
  readonly transport: Transport;
  readonly vsock: string;
  readonly measurements: ImageMeasurements;
  readonly found: DescribedEnclave;
  /** Its whole name in nitro-cli, which is also that of its record. */
  readonly enclave: string;
  readonly departures: readonly string[];
  readonly bootMs: number;
}

export const NITRO_DEBUG_WARNING =
  'DEBUG: PCR0 to PCR2 are zero in the documents of this enclave, whatever describe-enclaves prints, and its console is open: it proves nothing';

/** `undo` runs when the enclave has ended. */
export function watchEnclave(driver: NitroDriver, about: FoundEnclave, undo: Undo): RunningEnclave {
  const { spec, state, cid, transport, vsock, measurements, found, enclave, departures, bootMs } = about;
  const { name, debug = false } = spec;
  const life = readLife(found.ProcessID);
  const console = new ConsoleRing();
  const reader = debug ? openConsole(driver.program, found.EnclaveID, console) : undefined;
  let byHost = false;
  let hasEnded = false;
  const ended = awaitGone(found.ProcessID, life, driver.times.pollMs).then(async (): Promise<EnclaveEnd> => {
    await reader?.close();
    await removeRecord(state, enclave);
    await undo.run();
    hasEnded = true;
    return readEnd(new TextDecoder().decode(console.bytes), byHost);
  });
  const kill = async (): Promise<EnclaveEnd> => {
    if (!hasEnded && readLife(found.ProcessID) === life) {
      byHost = true;
      try {
        await driver.terminate(found);
      } catch (error) {
        byHost = false;
        throw error;
      }
    }
    return await ended;
  };
  return {
    name,
    cid,
    backend: 'nitro',
    measurements,
    transport,
    vsock,
    console,
    ended,
    kill,
    bootMs,
    stop: kill,
    pids: [found.ProcessID],
    documents: { kind: 'aws' },
    departures: debug ? [NITRO_DEBUG_WARNING, ...departures] : departures,
  };
}

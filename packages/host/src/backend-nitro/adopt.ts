// An enclave whose starter is gone, taken over by the next one under the same name. Which one it is says the record of its launch, with a random part
// that nobody else's enclave has; that it is the right one say its CID, its flag and its registers. A part of a name finds nothing.
import { toCid } from '@caisson/core/address';
import type { EnclaveSpec } from '../backend/index.ts';
import type { ImageMeasurements } from '../image/index.ts';
import { compareEnclave } from './launch.ts';
import { nameOfLaunch, readLeftRecords, removeRecord, writeRecord } from './launch-record.ts';
import type { NitroDriver } from './nitro-driver.ts';
import type { DescribedEnclave } from './output.ts';

export interface LeftEnclave {
  readonly found: DescribedEnclave;
  readonly enclave: string;
}

// Chosen: longer than a boot on hardware takes.
const launchMs = 60_000;

/**
 * Undefined where nothing of that name was left, or what was left does not run. Otherwise the record of the launch belongs to this process from now
 * on. Throws what describe-enclaves failed with, and VerificationError NITRO_MEASUREMENTS if something runs that is not what was asked for.
 */
export async function takeOver(
  driver: NitroDriver,
  state: string,
  spec: EnclaveSpec,
  measurements: ImageMeasurements,
): Promise<LeftEnclave | undefined> {
  const records = (await readLeftRecords(state)).filter((one) => nameOfLaunch(one) === spec.name && !one.isGivenUp);
  if (records.length === 0) return undefined;
  for (const { enclave, atMs } of records) {
    // The process that started it may have been killed in the middle of the launch, which goes on without it.
    const found = await driver.find(enclave, Date.now() - atMs < launchMs ? driver.times.settleMs : 0);
    if (found?.State !== 'RUNNING') continue;
    compareEnclave({ spec, cid: spec.cid ?? toCid(found.EnclaveCID), measurements }, found);
    await writeRecord(state, enclave, { isKept: spec.isKept === true });
    return { found, enclave };
  }
  return undefined;
}

/**
 * Ends every enclave of that name that runs, also those whose image is gone; resolves with their number. Throws what terminate-enclave failed with.
 */
export async function endLeft(driver: NitroDriver, state: string, name: string): Promise<number> {
  const records = (await readLeftRecords(state)).filter((one) => nameOfLaunch(one) === name);
  if (records.length === 0) return 0;
  const running = await driver.describe().catch(() => undefined);
  let count = 0;
  for (const { enclave } of records) {
    const left = running?.find(({ EnclaveName }) => EnclaveName === enclave);
    if (left !== undefined) await driver.terminate(left);
    else if (running !== undefined || !(await driver.terminateNamed(enclave))) continue;
    await removeRecord(state, enclave);
    count += 1;
  }
  return count;
}

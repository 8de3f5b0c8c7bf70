// What becomes of a launch that came to nothing: its enclave is ended by whatever is known of it, and where that cannot be, whoever started it hears what
// may still run and which command ends it. The record of the launch stays then, and the next start tries again.
import { CaissonError } from '@caisson/core/errors';
import type { NitroCliErrorCode } from './error-code.ts';
import type { Launch } from './launch.ts';
import { removeRecord, writeRecord } from './launch-record.ts';
import type { NitroDriver } from './nitro-driver.ts';
import type { StartedEnclave } from './output.ts';
import { readLife } from './process-life.ts';

export interface GivenUp {
  /** True if nitro-cli was cut off: the launch may go on without it and bring the enclave up later. */
  readonly wasCut: boolean;
  /** What run-enclave has printed about the enclave. */
  readonly printed: StartedEnclave | undefined;
}

/** Resolves with `error`, or with one that also says what may still run. Never rejects. */
export async function giveUp(driver: NitroDriver, what: Launch, given: GivenUp, error: unknown): Promise<unknown> {
  const { state, enclave } = what;
  try {
    if (await endAll(driver, what, given)) await removeRecord(state, enclave);
    else await writeRecord(state, enclave, { isGivenUp: true });
    return error;
  } catch (fault) {
    await writeRecord(state, enclave, { isGivenUp: true }).catch(() => {});
    return addLeft(error, what, given.printed, (fault as Error).message);
  }
}

/** Ends everything of this launch. False if nothing was found and something may still come up. */
async function endAll(driver: NitroDriver, what: Launch, { wasCut, printed }: GivenUp): Promise<boolean> {
  const { enclave } = what;
  const listed = await driver.findAll(enclave, wasCut ? driver.times.settleMs : 0).catch(() => undefined);
  if (listed !== undefined && listed.length > 0) {
    for (const one of listed) await driver.terminate(one);
    return true;
  }
  // Missing from the list does not mean that it does not run: the list may have lost it, or there was none.
  if (isOf(printed, what) && (listed === undefined || readLife(printed.ProcessID) !== undefined)) {
    await driver.terminate(printed);
    return !wasCut;
  }
  if (listed !== undefined) return !wasCut;
  await driver.terminateNamed(enclave);
  return false;
}

/** Whether the printed enclave is this launch's and not somebody else's. */
function isOf(printed: StartedEnclave | undefined, { enclave, cid }: Launch): printed is StartedEnclave {
  return printed?.EnclaveCID === cid && (printed.EnclaveName ?? enclave) === enclave;
}

function addLeft(error: unknown, what: Launch, printed: StartedEnclave | undefined, why: string): unknown {
  const { spec, enclave, cid } = what;
  const said = `enclave ${enclave} of this launch may still run, with cid ${cid}: ${why}`;
  const which = isOf(printed, what) ? `--enclave-id ${printed.EnclaveID}` : `--enclave-name ${enclave}`;
  const hint = `nitro-cli terminate-enclave ${which} ends it, and the next start of ${spec.name} tries to`;
  // The error keeps its class and code, because those decide what becomes of the start.
  if (error instanceof CaissonError) return Object.assign(error, { message: `${error.message}; ${said}`, hint });
  return new CaissonError<NitroCliErrorCode>('NITRO_LEFT', said, { cause: error, hint });
}

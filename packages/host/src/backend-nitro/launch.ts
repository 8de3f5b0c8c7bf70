// One launch under the lock. Whatever nitro-cli says or does not say, there is one of two ends: the enclave with this launch's name and this image's
// registers runs, or none with that name does, or (where nitro-cli no longer answers) a record stays for the next start to end it.
import { CaissonError, VerificationError } from '@caisson/core/errors';
import { BootError, type EnclaveSpec } from '../backend/index.ts';
import { type Bounded, runBounded } from '../child/index.ts';
import type { ImageMeasurements } from '../image/index.ts';
import type { NitroErrorCode } from './error-code.ts';
import { describeFailure } from './failure.ts';
import { removeRecord, writeRecord } from './launch-record.ts';
import type { NitroDriver } from './nitro-driver.ts';
import { type DescribedEnclave, parseStarted } from './output.ts';

export interface Launch {
  readonly spec: EnclaveSpec;
  readonly image: string;
  readonly state: string;
  /** Random. */
  readonly enclave: string;
  readonly cid: number;
  readonly measurements: ImageMeasurements;
}

export interface Launched {
  readonly found: DescribedEnclave;
  readonly departures: readonly string[];
}

// As every backend has it.
const defaultBootMs = 60_000;

/** Throws what `describeFailure` makes of run-enclave, VerificationError NITRO_MEASUREMENTS, ParseError NITRO_OUTPUT. */
export async function launch(driver: NitroDriver, what: Launch): Promise<Launched> {
  let wasCut = true;
  try {
    const { spec } = what;
    const { bootMs: timeoutMs = defaultBootMs, signal } = spec;
    signal?.throwIfAborted();
    const said = await runBounded(driver.program, words(what), { timeoutMs, signal });
    signal?.throwIfAborted();
    wasCut = said.cut !== undefined;
    if (wasCut || said.exitCode !== 0) throw describeFailure('run-enclave', said, timeoutMs, spec.name);
    const found = await driver.find(what.enclave, 0);
    if (found === undefined) {
      const told = { said: 'nitro-cli said that it had started', hint: 'start it in the simulation or in QEMU' };
      throw new BootError(spec.name, { end: { kind: 'died', byHost: false } }, '', told);
    }
    compareEnclave(what, found);
    return { found, departures: readPrinted(said, found) };
  } catch (error) {
    await giveUp(driver, what, wasCut);
    throw error;
  }
}

function words({ spec, image, cid, enclave }: Launch): string[] {
  const { memoryMiB, cpus, debug = false } = spec;
  return [
    ...['run-enclave', '--eif-path', image, '--memory', String(memoryMiB)],
    ...('count' in cpus ? ['--cpu-count', String(cpus.count)] : ['--cpu-ids', ...cpus.ids.map(String)]),
    ...['--enclave-cid', String(cid), '--enclave-name', enclave],
    ...(debug ? ['--debug-mode'] : []),
  ];
}

/** The file may be another one by now, and the answer another enclave's. Throws VerificationError NITRO_MEASUREMENTS. */
export function compareEnclave(
  { spec, cid, measurements }: Pick<Launch, 'spec' | 'cid' | 'measurements'>,
  found: DescribedEnclave,
): void {
  const refuse = (what: string, got: unknown, wanted: unknown): never => {
    throw new VerificationError<NitroErrorCode>(
      'NITRO_MEASUREMENTS',
      `${what} of enclave ${spec.name} must be ${wanted} as its image has it, got ${got}`,
      { hint: 'the image was changed since it started, or nitro-cli is another program' },
    );
  };
  if (found.EnclaveCID !== cid) refuse('the cid', found.EnclaveCID, cid);
  const isDebug = found.Flags === 'DEBUG_MODE';
  if (isDebug !== (spec.debug === true)) refuse('the flag', found.Flags, spec.debug ? 'DEBUG_MODE' : 'NONE');
  for (const register of ['PCR0', 'PCR1', 'PCR2', 'PCR8'] as const) {
    const got = found.Measurements?.[register];
    if (got !== measurements[register]) refuse(register, got ?? 'nothing', measurements[register] ?? 'nothing');
  }
}

function readPrinted({ stdout }: Bounded, { EnclaveID }: DescribedEnclave): readonly string[] {
  let printed: ReturnType<typeof parseStarted>;
  try {
    printed = parseStarted(stdout);
  } catch {
    return ['nitro-cli run-enclave printed no JSON; the enclave was found by its name and compared with the image'];
  }
  if (printed.EnclaveID === EnclaveID) return [];
  throw new CaissonError<NitroErrorCode>(
    'NITRO_OUTPUT',
    `nitro-cli run-enclave must name the enclave that describe-enclaves does, ${EnclaveID}, got ${printed.EnclaveID}`,
    { hint: 'two versions of nitro-cli may be mixed' },
  );
}

/** `wasCut`: the launch may go on without nitro-cli, and bring its enclave up later. */
async function giveUp(driver: NitroDriver, { state, enclave }: Launch, wasCut: boolean): Promise<void> {
  try {
    const found = await driver.find(enclave, wasCut ? driver.times.settleMs : 0);
    if (found !== undefined) await driver.terminate(found.EnclaveID);
    if (found !== undefined || !wasCut) return await removeRecord(state, enclave);
  } catch {
    // It does not answer: whatever is left is ended by the next start.
  }
  await writeRecord(state, enclave, { isGivenUp: true });
}

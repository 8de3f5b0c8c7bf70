// One launch under the lock. Whatever nitro-cli says or does not say, there is one of two ends: the enclave with this launch's name and this image's
// registers runs, or none with that name does, or (where nitro-cli no longer answers) its starter is told so and the next start tries to end it.
import { CaissonError, VerificationError } from '@caisson/core/errors';
import { BootError, type EnclaveSpec } from '../backend/index.ts';
import type { Bounded } from '../child/index.ts';
import { readNitroFailure } from '../explain/index.ts';
import type { ImageMeasurements } from '../image/index.ts';
import type { NitroCliErrorCode } from './error-code.ts';
import { describeFailure } from './failure.ts';
import { giveUp } from './give-up.ts';
import type { NitroDriver } from './nitro-driver.ts';
import { type DescribedEnclave, parseStarted, type StartedEnclave } from './output.ts';

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

// The default of every backend.
const defaultBootMs = 60_000;

/** Throws what `describeFailure` makes of run-enclave, VerificationError NITRO_MEASUREMENTS, ParseError NITRO_OUTPUT, CaissonError NITRO_LEFT. */
export async function launch(driver: NitroDriver, what: Launch): Promise<Launched> {
  let wasCut = false;
  let printed: StartedEnclave | undefined;
  try {
    const { spec } = what;
    const { bootMs: timeoutMs = defaultBootMs, signal } = spec;
    signal?.throwIfAborted();
    wasCut = true;
    const said = await driver.run(words(what), { timeoutMs, signal });
    printed = readPrinted(said);
    signal?.throwIfAborted();
    wasCut = said.cut !== undefined;
    if (wasCut || said.exitCode !== 0) throw describeFailure('run-enclave', said, timeoutMs, spec.name);
    const found = await driver.find(what.enclave, 0);
    if (found?.State !== 'RUNNING') throw describeNone(what, said, timeoutMs);
    compareEnclave(what, found);
    return { found, departures: comparePrinted(printed, found) };
  } catch (error) {
    throw await giveUp(driver, what, { wasCut, printed }, error);
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

/** The image file may have changed, and the answer may be about another enclave. Throws VerificationError NITRO_MEASUREMENTS. */
export function compareEnclave(
  { spec, cid, measurements }: Pick<Launch, 'spec' | 'cid' | 'measurements'>,
  found: DescribedEnclave,
): void {
  const refuse = (what: string, got: unknown, wanted: unknown): never => {
    throw new VerificationError<NitroCliErrorCode>(
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

function readPrinted({ stdout }: Bounded): StartedEnclave | undefined {
  try {
    return parseStarted(stdout);
  } catch {
    return undefined;
  }
}

function comparePrinted(printed: StartedEnclave | undefined, { EnclaveID }: DescribedEnclave): readonly string[] {
  if (printed === undefined)
    return ['nitro-cli run-enclave printed no JSON; the enclave was found by its name and compared with the image'];
  if (printed.EnclaveID === EnclaveID) return [];
  throw new CaissonError<NitroCliErrorCode>(
    'NITRO_OUTPUT',
    `nitro-cli run-enclave must name the enclave that describe-enclaves does, ${EnclaveID}, got ${printed.EnclaveID}`,
    { hint: 'two versions of nitro-cli may be mixed' },
  );
}

/** nitro-cli has ended with 0, but no enclave is there. */
function describeNone({ spec }: Launch, said: Bounded, timeoutMs: number): CaissonError {
  if (readNitroFailure(said.stderr, 0) !== undefined) {
    return describeFailure('run-enclave', said, timeoutMs, spec.name);
  }
  const told = { said: 'nitro-cli said that it had started', hint: 'start it in the simulation or in QEMU' };
  return new BootError(spec.name, { end: { kind: 'died', byHost: false } }, '', told);
}

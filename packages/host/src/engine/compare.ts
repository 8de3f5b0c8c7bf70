// `attest compare`: the registers that were built beside those that run, the latter from a document that was asked for now and holds.

import { CaissonError, VerificationError } from '@caisson/core/errors';
import { openOperatorSession } from '../operator/index.ts';
import { findRecord } from '../record/index.ts';
import type { CompareCommand } from './command.ts';
import type { EngineContext } from './context.ts';
import type { EngineErrorCode } from './error-code.ts';
import type { ComparedPcr, CompareResult } from './result.ts';

const compared = [0, 1, 2, 8] as const;

/**
 * Throws CaissonError RECORD_UNKNOWN, ENGINE_IMAGE for an image that cannot be asked, and what `openOperatorSession` throws: a document that does
 * not hold is compared with nothing.
 */
export async function compare(command: CompareCommand, context: EngineContext): Promise<CompareResult> {
  const { name, operator, policyFile, composeFile } = command;
  const { spec, fault } = await findRecord(context.state, name);
  if (spec === undefined) throw fault ?? new TypeError(`enclave ${name} has no record`);
  if (!spec.hasControl) {
    throw new CaissonError<EngineErrorCode>(
      'ENGINE_IMAGE',
      `image of enclave ${name} must have a control channel to be asked, got none`,
      {
        hint: 'operators in caisson.yaml give it one; or ask the application itself: caisson attest verify',
      },
    );
  }
  if (spec.debug) {
    throw new VerificationError<EngineErrorCode>(
      'ENGINE_PCR',
      `enclave ${name} must not be in debug mode to be compared, got debug`,
      {
        hint: 'its registers PCR0 to PCR2 are zeros whatever was built, and no verifier takes its documents; start it without debug',
      },
    );
  }
  const session = await openOperatorSession({
    ...{ env: context.env, enclave: name, operator, policyFile, composeFile },
    say: (text) => context.onEvent({ kind: 'note', enclave: null, level: 'warn', text }),
    ...(context.signal !== undefined && { signal: context.signal }),
  });
  try {
    const { attestation, simulated } = session.enclave;
    const pcrs = compared.flatMap((index): ComparedPcr[] => {
      const built = spec.measurements[`PCR${index}`] ?? null;
      const running = attestation.pcrs[index] ?? null;
      // An unsigned image has a register 8 of zeros.
      const isNothing = built === null && (running === null || !/[^0]/.test(running));
      return isNothing ? [] : [{ index, built, running, equal: built === running }];
    });
    const debug = pcrs.every(({ index, running }) => index > 2 || running === null || !/[^0]/.test(running));
    return { name, debug, simulated, pcrs, equal: pcrs.every(({ equal }) => equal) };
  } finally {
    await session.close();
  }
}

// `attest compare`: the registers that were built beside those of the running enclave, taken from a document that was requested now and verified.

import { openOperatorSession } from '../operator/index.ts';
import { findRecord } from '../record/index.ts';
import type { CompareCommand } from './command.ts';
import type { EngineContext } from './context.ts';
import { verifyProvable } from './provable.ts';
import type { ComparedPcr, CompareResult } from './result.ts';

const compared = [0, 1, 2, 8] as const;

/**
 * Throws CaissonError RECORD_UNKNOWN, what `verifyProvable` throws, and what `openOperatorSession` throws: a document that fails verification is
 * not compared.
 */
export async function compare(command: CompareCommand, context: EngineContext): Promise<CompareResult> {
  const { name, operator, policyFile, composeFile } = command;
  const { spec, state, fault } = await findRecord(context.state, name);
  if (spec === undefined) throw fault ?? new TypeError(`enclave ${name} has no record`);
  verifyProvable({ spec, state });
  const session = await openOperatorSession({
    env: context.env,
    enclave: name,
    operator,
    policyFile,
    composeFile,
    say: (text) => context.onEvent({ kind: 'note', enclave: null, level: 'warn', text }),
    ...(context.signal !== undefined && { signal: context.signal }),
  });
  try {
    const { attestation, simulated } = session.enclave;
    const pcrs = compared.flatMap((index): ComparedPcr[] => {
      const built = spec.measurements[`PCR${index}`] ?? null;
      const running = attestation.pcrs[index] ?? null;
      // PCR8 of an unsigned image is all zeros.
      const isNothing = built === null && (running === null || !/[^0]/.test(running));
      return isNothing ? [] : [{ index, built, running, equal: built === running }];
    });
    const debug = pcrs.every(({ index, running }) => index > 2 || running === null || !/[^0]/.test(running));
    return { name, debug, simulated, pcrs, equal: pcrs.every(({ equal }) => equal) };
  } finally {
    await session.close();
  }
}

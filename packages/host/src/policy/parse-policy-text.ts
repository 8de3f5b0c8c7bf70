// A policy as people write it, with the line and column of every fault: a slip in a policy is a door left open.
import { PolicyError } from '@caisson/core/errors';
import { type AttestationPolicy, checkPolicy, MAX_POLICY_BYTES, PolicyFaultError } from '@caisson/verify/policy';
import { type LocatedFault, parseLocatedYaml } from '../located-yaml/index.ts';
import type { PolicyFileErrorCode } from './error-code.ts';

export type { LocatedFault };

/** One line for each fault: `policy.yaml:4:3: pcrs.0 must be ...`. */
export class PolicyFileError extends PolicyError<PolicyFileErrorCode> {
  readonly faults: readonly LocatedFault[];

  constructor(file: string, faults: readonly LocatedFault[]) {
    super(
      'POLICY_FILE_FAULTS',
      faults.map(({ line, column, message }) => `${file}:${line}:${column}: ${message}`).join('\n'),
    );
    this.faults = faults;
  }
}

/** `file` names the text in messages. Throws PolicyFileError POLICY_FILE_FAULTS. */
export function parsePolicyText(text: string, file: string): AttestationPolicy {
  const read = parseLocatedYaml(text, { what: 'policy', maxCharacters: MAX_POLICY_BYTES });
  if (read.faults.length > 0) throw new PolicyFileError(file, read.faults);
  try {
    return checkPolicy(read.value);
  } catch (error) {
    if (!(error instanceof PolicyFaultError)) throw error;
    throw new PolicyFileError(
      file,
      error.faults.map(({ path, message }) => read.faultAt(path, message)),
    );
  }
}

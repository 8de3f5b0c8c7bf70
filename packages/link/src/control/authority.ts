// Who may command this enclave: the measured operators, and those of the newest list that the measured root key has signed. Dates are
// judged at every question, so a list that runs out takes its operators out of sessions that are open.
import { equalBytes, parseBase64 } from '@caisson/core/bytes';
import { PolicyError } from '@caisson/core/errors';
import type { MeasuredOperator, MeasuredOperators } from '@caisson/core/measured';
import type { ControlErrorCode } from './error-code.ts';
import { type OperatorList, verifyOperatorList } from './operator-list.ts';
import { allowsVerb, type ControlVerb } from './verb.ts';

export interface ControlAuthorityOptions {
  readonly measured: MeasuredOperators;
  /** What a list's target must name. */
  readonly pcr0: Uint8Array;
  readonly label: string | null;
  /** Unix seconds by a clock that the parent does not set. */
  readonly now: () => number;
}

export interface ControlAuthority {
  /** Operators whose approval a dangerous verb needs. */
  readonly threshold: number;
  /** Of the list in force; null: none was taken. */
  readonly listVersion: number | null;
  /** The operator with this key (hex hash); undefined for nobody, and for an operator of a list that has expired. */
  operatorOf(spkiSha256: string): MeasuredOperator | undefined;
  /** True for an operator of the newest list if that has expired: the refusal then says so, or nobody would know why he is not known any more. */
  hasLapsed(spkiSha256: string): boolean;
  /** The operator as he is now, if he may. Throws PolicyError CONTROL_VERB. */
  verifyVerb(spkiSha256: string, verb: ControlVerb): MeasuredOperator;
  /**
   * Takes a signed list. Rejects ParseError CONTROL_LIST_FORM, VerificationError CONTROL_LIST_SIGNATURE, PolicyError CONTROL_LIST_TARGET,
   * CONTROL_LIST_TIME or CONTROL_LIST_OLD, and keeps what it had.
   */
  takeList(bytes: Uint8Array): Promise<OperatorList>;
}

export function createControlAuthority({ measured, pcr0, label, now }: ControlAuthorityOptions): ControlAuthority {
  let list: OperatorList | null = null;

  const operatorOf = (spkiSha256: string): MeasuredOperator | undefined => {
    const isHis = (one: MeasuredOperator): boolean => one.spkiSha256 === spkiSha256;
    // A list says who is an operator now: where one was taken, nobody else is but those whom the image itself measures.
    const dated = list !== null && isInForce(list, now()) ? list.operators.find(isHis) : undefined;
    return dated ?? measured.operators.find(isHis);
  };

  return {
    threshold: measured.threshold,
    get listVersion() {
      return list?.version ?? null;
    },
    operatorOf,
    hasLapsed(spkiSha256) {
      const isHis = (one: MeasuredOperator): boolean => one.spkiSha256 === spkiSha256;
      return list !== null && now() >= list.notAfter && list.operators.some(isHis);
    },
    verifyVerb(spkiSha256, verb) {
      const operator = operatorOf(spkiSha256);
      if (operator !== undefined && allowsVerb(operator.verbs, verb)) return operator;
      const who = operator === undefined ? `key ${spkiSha256}` : `operator ${operator.name}`;
      const has = operator === undefined ? 'no entry' : operator.verbs.join(' ') || 'none';
      throw new PolicyError<ControlErrorCode>(
        'CONTROL_VERB',
        `${who} must have the verb ${verb} in the operator list, got ${has}`,
      );
    },
    async takeList(bytes) {
      if (measured.rootKey === null) {
        throw new PolicyError<ControlErrorCode>(
          'CONTROL_LIST_SIGNATURE',
          'operator list must be signed by the root key of the image, which measures none',
        );
      }
      const next = await verifyOperatorList(bytes, parseBase64(measured.rootKey));
      const { target, version } = next;
      const isForThis =
        target.kind === 'label' ? target.label === label : target.values.some((value) => equalBytes(value, pcr0));
      if (!isForThis) {
        throw new PolicyError<ControlErrorCode>(
          'CONTROL_LIST_TARGET',
          `operator list of version ${version} must be for this image, got another target`,
        );
      }
      if (!isInForce(next, now())) {
        throw new PolicyError<ControlErrorCode>(
          'CONTROL_LIST_TIME',
          `operator list must hold now (${now()}), got ${next.notBefore}..${next.notAfter}`,
        );
      }
      // Higher, not the same: two lists of one version would be two truths.
      if (list !== null && version <= list.version) {
        throw new PolicyError<ControlErrorCode>(
          'CONTROL_LIST_OLD',
          `operator list must have a version above ${list.version}, got ${version}`,
        );
      }
      list = next;
      return next;
    },
  };
}

function isInForce({ notBefore, notAfter }: OperatorList, at: number): boolean {
  return notBefore <= at && at < notAfter;
}

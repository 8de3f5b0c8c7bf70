// What a condition says about the recipient's document. Only the equality operators without IfExists pin anything in an Allow,
// and only their negations do in a Deny: the others hold for an absent document, or for every document.
import { PCR_BYTES, PCR_COUNT } from '@caisson/core/nitro';
import type { PolicyCondition, PolicyStatement } from './statement.ts';

export interface AttestationCondition {
  readonly condition: PolicyCondition;
  /** PCR index; undefined for a key that no document has. */
  readonly pcr: number | undefined;
  /** How the operator treats its values: `equals` and `differs` compare, `other` is true too often to rely on. */
  readonly kind: 'equals' | 'differs' | 'other';
}

const prefix = 'kms:recipientattestation:';
const equality = /^(?:ForAnyValue:)?StringEquals(?:IgnoreCase)?$/i;
// For an absent key a negated operator is true, with IfExists or without; ForAllValues is true for none at all.
const inequality = /^(?:ForAllValues:)?StringNotEquals(?:IgnoreCase)?(?:IfExists)?$/i;

/** Conditions on the document, in order. Keys are read in any case, as IAM does. */
export function attestationConditions({ conditions }: PolicyStatement): AttestationCondition[] {
  return conditions
    .filter(({ key }) => key.toLowerCase().startsWith(prefix))
    .map((condition) => ({
      condition,
      pcr: pcrOf(condition.key.slice(prefix.length)),
      kind: equality.test(condition.operator) ? 'equals' : inequality.test(condition.operator) ? 'differs' : 'other',
    }));
}

/** Registers that a statement with these conditions compares with values that an image can have. */
export function pinnedPcrs(conditions: readonly AttestationCondition[], kind: 'equals' | 'differs'): Set<number> {
  const sound = conditions.filter((one) => one.kind === kind && one.condition.values.every(isPossiblePcr));
  return new Set(sound.flatMap(({ pcr }) => (pcr === undefined ? [] : [pcr])));
}

/** The form of a register that is not zero. */
function isPossiblePcr(value: string): boolean {
  return isPcrForm(value) && !isZeroPcr(value);
}

export function isPcrForm(value: string): boolean {
  return value.length === 2 * PCR_BYTES && /^[0-9a-fA-F]+$/.test(value);
}

/** Zeros of any length: what an enclave in debug mode has, or is meant to say so. */
export function isZeroPcr(value: string): boolean {
  return /^(?:0x)?0+$/.test(value);
}

function pcrOf(name: string): number | undefined {
  if (/^imagesha384$/i.test(name)) return 0;
  const [, digits] = /^pcr(\d|[1-9]\d)$/i.exec(name) ?? [];
  return digits !== undefined && Number(digits) < PCR_COUNT ? Number(digits) : undefined;
}

// Conditions that do not say what their author meant.
import { type AttestationCondition, attestationConditions, isPcrForm, isZeroPcr } from './condition.ts';
import type { KeyPolicyFinding, KeyPolicyRule } from './lint.ts';
import type { PolicyStatement } from './statement.ts';

export function lintCondition(statement: PolicyStatement): KeyPolicyFinding[] {
  const { path, sid, isAllow, resources } = statement;
  const findings: KeyPolicyFinding[] = [];
  const add = (level: 'fault' | 'warning', rule: KeyPolicyRule, message: string): void => {
    findings.push({ level, rule, path, ...(sid !== undefined && { sid }), message });
  };
  const conditions = attestationConditions(statement);
  for (const one of conditions) {
    const { condition, pcr } = one;
    if (pcr === undefined) add('fault', 'unknown-key', `${condition.key} is no key of an attested recipient`);
    const wrongKind = wrongOperator(one, isAllow);
    if (wrongKind !== undefined)
      add('fault', 'weak-operator', `${condition.operator} on ${condition.key}: ${wrongKind}`);
    for (const value of condition.values) {
      if (isZeroPcr(value)) {
        add('fault', 'zero-pcr', `${condition.key} names zeros, which every enclave in debug mode has`);
      } else if (one.kind !== 'other' && !isPcrForm(value)) {
        add('fault', 'pcr-form', `${condition.key} must be 96 hex digits, got ${JSON.stringify(value.slice(0, 40))}`);
      } else if (/^(?:.*:)?String(?:Not)?Equals$/i.test(condition.operator) && /[A-F]/.test(value)) {
        add('warning', 'letter-case', `${condition.key} has capitals under ${condition.operator}; IgnoreCase is meant`);
      }
    }
  }
  if (!isAllow && conditions.length > 1) {
    const keys = conditions.map(({ condition }) => condition.key.replace(/^.*:/, '')).join(' and ');
    add(
      'fault',
      'joined-deny',
      `one Deny with conditions on ${keys} holds only when all of them hold; make it one each`,
    );
  }
  if (resources.some((resource) => resource !== '*')) {
    add('fault', 'resource', `Resource of a key policy must be "*", got ${JSON.stringify(resources[0])}`);
  }
  return findings;
}

function wrongOperator({ condition, kind }: AttestationCondition, isAllow: boolean): string | undefined {
  if (kind === (isAllow ? 'equals' : 'differs')) return undefined;
  if (/IfExists$/i.test(condition.operator)) return 'holds for a request without a document';
  if (/^ForAllValues:/i.test(condition.operator)) return 'holds for a request without a document';
  // In a Deny, Null true keeps out requests without a document: a fair addition, and no pin.
  if (/^Null$/i.test(condition.operator)) return isAllow ? 'says that there is a document, not which' : undefined;
  if (/^ForAnyValue:/i.test(condition.operator)) return 'does not hold for a request without a document';
  if (/Like$/i.test(condition.operator)) return 'patterns have no place in a measurement';
  if (kind === 'differs') return 'allows every image but the named';
  return isAllow ? 'does not compare text for equality' : 'denies the named image and no other';
}

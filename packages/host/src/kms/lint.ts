// Finds what makes a key policy weaker than it looks: ways to the plaintext that need no attested image, and conditions that do
// not say what their author meant. It judges one policy; IAM policies of the account and grants that exist are not seen,
// which is why a policy whose Allows are sound still gets a warning when no Deny stands behind them.
import { lintAccess } from './lint-access.ts';
import { lintCondition } from './lint-condition.ts';
import { parseKeyPolicy } from './statement.ts';

export type KeyPolicyRule =
  | 'root-delegation'
  | 'unattested'
  | 'signer-only'
  | 'image-unpinned'
  | 'borders-unpinned'
  | 'forging'
  | 'bypass'
  | 'self-administration'
  | 'root-administration'
  | 'no-deny'
  | 'zero-pcr'
  | 'pcr-form'
  | 'unknown-key'
  | 'weak-operator'
  | 'letter-case'
  | 'joined-deny'
  | 'resource';

export interface KeyPolicyFinding {
  /** A fault gives the key away or does not do what it says; a warning is for the reader to decide. */
  readonly level: 'fault' | 'warning';
  readonly rule: KeyPolicyRule;
  /** `Statement[1]`, or `policy` for what is missing. */
  readonly path: string;
  readonly sid?: string;
  readonly message: string;
}

/** In the order of the policy. Throws ParseError KMS_POLICY_FORM and what parseStrictJson throws. */
export function lintKeyPolicy(bytes: Uint8Array): KeyPolicyFinding[] {
  const statements = parseKeyPolicy(bytes);
  const findings = [...statements.flatMap(lintCondition), ...lintAccess(statements)];
  const order = new Map(statements.map(({ path }, index) => [path, index]));
  const at = ({ path }: KeyPolicyFinding): number => order.get(path) ?? statements.length;
  return findings.sort((left, right) => at(left) - at(right));
}

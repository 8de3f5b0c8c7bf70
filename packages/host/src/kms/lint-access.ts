// Who gets at the plaintext, and past which condition.
import { ATTESTED_ACTIONS, BYPASS_ACTIONS, FORGING_ACTIONS, POLICY_ACTION } from './action.ts';
import { attestationConditions, pinnedPcrs } from './condition.ts';
import { isDenied, isDeniedUnattested } from './deny.ts';
import type { KeyPolicyFinding, KeyPolicyRule } from './lint.ts';
import { coversAction, type PolicyStatement } from './statement.ts';

const signerPcr = 8;
const everyone = 'everyone but the named';

export function lintAccess(statements: readonly PolicyStatement[]): KeyPolicyFinding[] {
  const allows = statements.filter(({ isAllow }) => isAllow);
  const findings = allows.flatMap((statement) => lintAllow(statement, statements));
  const isUsed = allows.some((statement) => attestedActions(statement).length > 0);
  const open = ATTESTED_ACTIONS.filter((action) => !isDeniedUnattested(statements, action));
  if (isUsed && open.length > 0) {
    findings.push({
      level: 'warning',
      rule: 'no-deny',
      path: 'policy',
      message: `no Deny keeps ${open.join(', ')} from requests without the image; a grant or a later statement could allow it`,
    });
  }
  return findings;
}

function lintAllow(statement: PolicyStatement, statements: readonly PolicyStatement[]): KeyPolicyFinding[] {
  const findings: KeyPolicyFinding[] = [];
  const add = (level: 'fault' | 'warning', rule: KeyPolicyRule, message: string): void => {
    const { path, sid } = statement;
    findings.push({ level, rule, path, ...(sid !== undefined && { sid }), message });
  };
  const principals = statement.isEveryoneBut ? [everyone] : statement.principals;
  const used = attestedActions(statement);
  const pins = pinnedPcrs(attestationConditions(statement), 'equals');
  for (const principal of principals) {
    const allowed = (actions: readonly string[]): string[] =>
      actions.filter((action) => coversAction(statement, action) && !isDenied(statements, action, principal));
    const isWide = principal === everyone || isAccount(principal);
    if (used.length > 0 && pins.size === 0) {
      const open = used.filter((action) => !isDeniedUnattested(statements, action));
      if (isWide) add('fault', 'root-delegation', `gives ${used.join(', ')} to whomever IAM lets (${principal})`);
      else if (open.length > 0) add('fault', 'unattested', `gives ${open.join(', ')} to ${principal} without an image`);
    }
    const bypass = allowed(BYPASS_ACTIONS);
    if (bypass.length > 0) add('fault', 'bypass', `gives ${bypass.join(', ')} to ${principal}, past every condition`);
    const isUser = usesKey(statements, principal);
    const forging = allowed(FORGING_ACTIONS);
    if (isUser && forging.length > 0) {
      add(
        'fault',
        'forging',
        `gives ${forging.join(', ')} to ${principal}, which could make what the enclave decrypts`,
      );
    }
    if (allowed([POLICY_ACTION]).length > 0) {
      if (isWide) add('warning', 'root-administration', `lets whomever IAM lets (${principal}) rewrite this policy`);
      else if (isUser) add('fault', 'self-administration', `lets ${principal}, who uses the key, rewrite this policy`);
    }
  }
  if (used.length > 0 && pins.size > 0) findings.push(...lintPins(statement, pins, used, statements));
  return findings;
}

function lintPins(
  { path, sid }: PolicyStatement,
  pins: ReadonlySet<number>,
  used: readonly string[],
  statements: readonly PolicyStatement[],
): KeyPolicyFinding[] {
  const finding = (level: 'fault' | 'warning', rule: KeyPolicyRule, message: string): KeyPolicyFinding[] => [
    { level, rule, path, ...(sid !== undefined && { sid }), message },
  ];
  const names = [...pins].map((pcr) => `PCR${pcr}`).join(', ');
  if (pins.has(0)) {
    if (pins.has(1) && pins.has(2)) return [];
    const message = `pins ${names}: bytes can move between kernel, command line and ramdisks unless PCR0 to PCR2 are pinned`;
    return finding('warning', 'borders-unpinned', message);
  }
  if (used.every((action) => isDeniedUnattested(statements, action))) return [];
  if (!pins.has(signerPcr)) return finding('fault', 'image-unpinned', `pins ${names}: every image fits`);
  return finding('fault', 'signer-only', `pins ${names}: every image that the signer ever signed fits`);
}

function attestedActions(statement: PolicyStatement): string[] {
  return ATTESTED_ACTIONS.filter((action) => coversAction(statement, action));
}

/** Whether some Allow gives `principal` by name what an enclave's role needs. */
function usesKey(statements: readonly PolicyStatement[], principal: string): boolean {
  return statements.some(
    (statement) =>
      statement.isAllow && statement.principals.includes(principal) && attestedActions(statement).length > 0,
  );
}

/** The root of an account stands for its IAM, and so does its bare number. */
function isAccount(principal: string): boolean {
  return principal === '*' || /^\d{12}$/.test(principal) || /^arn:[a-z-]+:iam::\d{12}:root$/.test(principal);
}

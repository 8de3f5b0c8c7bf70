// What the Denies of a policy hold against everybody, whatever an Allow, a grant or an IAM policy says.
import { attestationConditions, pinnedPcrs } from './condition.ts';
import { coversAction, type PolicyStatement } from './statement.ts';

/** Whether a Deny keeps `action` from every principal whose document is not one of the pinned images. */
export function isDeniedUnattested(statements: readonly PolicyStatement[], action: string): boolean {
  return statements.some((statement) => {
    if (!isForEveryone(statement) || !coversAction(statement, action)) return false;
    // A second condition would have to fail as well before this one counts.
    return statement.conditions.length === 1 && pinnedPcrs(attestationConditions(statement), 'differs').has(0);
  });
}

/** Whether a Deny keeps `action` from `principal` without a condition but its name. */
export function isDenied(statements: readonly PolicyStatement[], action: string, principal: string): boolean {
  return statements.some((statement) => {
    if (statement.isAllow || statement.isEveryoneBut || !coversAction(statement, action)) return false;
    if (!statement.resources.includes('*')) return false;
    const isNamed = statement.principals.some((one) => one === '*' || one === principal);
    return isNamed && statement.conditions.every((condition) => isOnlyName(condition, principal));
  });
}

function isForEveryone({ isAllow, isEveryoneBut, principals, resources }: PolicyStatement): boolean {
  return !isAllow && !isEveryoneBut && principals.includes('*') && resources.includes('*');
}

function isOnlyName(condition: { operator: string; key: string; values: readonly string[] }, name: string): boolean {
  const isEquality = /^(?:ArnEquals|ArnLike|StringEquals|StringLike)$/i.test(condition.operator);
  return isEquality && condition.key.toLowerCase() === 'aws:principalarn' && condition.values.includes(name);
}

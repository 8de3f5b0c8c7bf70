// An operator's own side: keys, lists, policies, the way to an enclave, sessions.
export type { EnclaveAddress } from './dial.ts';
export { dialEnclave, findEnclave, openEnclaveTransport } from './dial.ts';
export type { OperatorErrorCode } from './error-code.ts';
export { OPERATOR_ERROR_CODES } from './error-code.ts';
export { findOperator } from './find-operator.ts';
export type { FindPolicyOptions, FoundPolicy } from './find-policy.ts';
export { findPolicy } from './find-policy.ts';
export { operatorFolder } from './folder.ts';
export type { OpenSessionOptions } from './open-session.ts';
export { openOperatorSession } from './open-session.ts';
export type { OperatorPublic } from './operator-key.ts';
export {
  createOperator,
  DEVELOPMENT_OPERATOR,
  ensureOperator,
  listOperators,
  readOperatorKey,
  showOperator,
} from './operator-key.ts';
export type { WrittenPolicy } from './own-policy.ts';
export { hasOwnPolicy, ownPolicyPath, removeOwnPolicies, writeOwnPolicy } from './own-policy.ts';
export type { SignedOperatorList, SignListOptions } from './sign-list.ts';
export { signListFile } from './sign-list.ts';

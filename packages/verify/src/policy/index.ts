// Policies: what a relying party wants an enclave to be.
export type { PolicyFault } from './check-schema.ts';
export type { PolicyErrorCode } from './error-code.ts';
export { POLICY_ERROR_CODES } from './error-code.ts';
export { MAX_POLICY_BYTES, parsePolicy } from './parse-policy.ts';
export type { AttestationPolicy, PolicySource } from './policy.ts';
export { checkPolicy, PolicyFaultError } from './policy.ts';
export type { Schema } from './schema.ts';
export { POLICY_SCHEMA } from './schema.ts';

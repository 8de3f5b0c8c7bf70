// Key policies of AWS KMS for keys that only measured images may use: write one, find what is wrong with one.
export type { KeyPolicy, KeyPolicyOptions } from './create-policy.ts';
export { createKeyPolicy } from './create-policy.ts';
export type { KmsPolicyErrorCode } from './error-code.ts';
export { KMS_POLICY_ERROR_CODES } from './error-code.ts';
export type { KeyPolicyFinding, KeyPolicyRule } from './lint.ts';
export { lintKeyPolicy } from './lint.ts';
export { readKeyPolicyImage } from './measure-image.ts';
export { MAX_KEY_POLICY_BYTES } from './statement.ts';

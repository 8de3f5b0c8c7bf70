// Policy files: read with line numbers, drafted from images and documents, written.
export type { PolicyMaterial } from './draft-policy.ts';
export { draftPolicy } from './draft-policy.ts';
export type { PolicyFileErrorCode } from './error-code.ts';
export { POLICY_FILE_ERROR_CODES } from './error-code.ts';
export { formatPolicy } from './format-policy.ts';
export { measureImageFile, readImageProfile } from './measure-image.ts';
export type { LocatedFault } from './parse-policy-text.ts';
export { PolicyFileError, parsePolicyText } from './parse-policy-text.ts';
export { readPolicyFile } from './read-policy.ts';

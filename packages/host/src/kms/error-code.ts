// What can be wrong with what a key policy is made from, and with a policy that is read.

export const KMS_POLICY_ERROR_CODES = [
  'KMS_POLICY_ARN',
  'KMS_POLICY_PCR',
  'KMS_POLICY_ZERO',
  'KMS_POLICY_FORM',
  'KMS_POLICY_IMAGE',
] as const;
export type KmsPolicyErrorCode = (typeof KMS_POLICY_ERROR_CODES)[number];

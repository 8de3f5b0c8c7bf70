// The actions of KMS by what they give away. Given: AWS KMS developer guide, "Actions, resources, and condition keys" and
// "Cryptographic attestation support in AWS KMS".

/** Give plaintext, and only to a recipient with a fitting document where a condition asks for one. */
export const ATTESTED_ACTIONS = [
  'kms:Decrypt',
  'kms:GenerateDataKey',
  'kms:GenerateDataKeyPair',
  'kms:DeriveSharedSecret',
] as const;

/** Lead past every attestation: under another key without conditions, or by a permission that stands in no policy. */
export const BYPASS_ACTIONS = ['kms:ReEncryptFrom', 'kms:CreateGrant'] as const;

/** Let whoever has them make ciphertexts that the enclave takes for its own. */
export const FORGING_ACTIONS = [
  'kms:Encrypt',
  'kms:ReEncryptTo',
  'kms:GenerateDataKeyWithoutPlaintext',
  'kms:GenerateDataKeyPairWithoutPlaintext',
] as const;

/** Change what the policy says. */
export const POLICY_ACTION = 'kms:PutKeyPolicy';

/** What looking after a key takes, without any use of it. */
export const ADMIN_ACTIONS = [
  'kms:CancelKeyDeletion',
  'kms:DescribeKey',
  'kms:DisableKey',
  'kms:DisableKeyRotation',
  'kms:EnableKey',
  'kms:EnableKeyRotation',
  'kms:GetKeyPolicy',
  'kms:GetKeyRotationStatus',
  'kms:ListGrants',
  'kms:ListKeyPolicies',
  'kms:ListResourceTags',
  POLICY_ACTION,
  'kms:RevokeGrant',
  'kms:ScheduleKeyDeletion',
  'kms:TagResource',
  'kms:UntagResource',
  'kms:UpdateKeyDescription',
] as const;

/** Condition keys of an attested recipient; ImageSha384 is PCR0. */
export const IMAGE_KEY = 'kms:RecipientAttestation:ImageSha384';
export const PCR_KEY_PREFIX = 'kms:RecipientAttestation:PCR';

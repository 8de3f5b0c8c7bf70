// What can be wrong with a policy file and with what a policy is drafted from.

export const POLICY_FILE_ERROR_CODES = ['POLICY_FILE', 'POLICY_FILE_FAULTS', 'POLICY_IMAGE', 'POLICY_DRAFT'] as const;
export type PolicyFileErrorCode = (typeof POLICY_FILE_ERROR_CODES)[number];

// What can be wrong with a policy.

export const POLICY_ERROR_CODES = ['POLICY_FAULTS'] as const;
export type PolicyErrorCode = (typeof POLICY_ERROR_CODES)[number];

// Every way in which the enclave's way out can be refused or fail.

export const EGRESS_ERROR_CODES = ['EGRESS_HOSTS_FILE', 'EGRESS_POLICY_FILE', 'EGRESS_POLICY'] as const;
export type EgressErrorCode = (typeof EGRESS_ERROR_CODES)[number];

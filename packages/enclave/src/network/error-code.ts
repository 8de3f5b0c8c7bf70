// Why the network of an enclave does not open.

export const NETWORK_ERROR_CODES = ['NETWORK_CONFIG', 'NETWORK_CONFLICT'] as const;
export type NetworkErrorCode = (typeof NETWORK_ERROR_CODES)[number];

// Why a wait ended without a ready enclave, and what can be wrong with a file of last words.

export const HOST_READY_ERROR_CODES = ['READY_LATE', 'READY_FAILED', 'READY_WORDS_FILE'] as const;
export type HostReadyErrorCode = (typeof HOST_READY_ERROR_CODES)[number];

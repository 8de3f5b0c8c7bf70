// What can go wrong with files that several processes share.

export const FILE_ERROR_CODES = ['FILE_LOCKED'] as const;
export type FileErrorCode = (typeof FILE_ERROR_CODES)[number];

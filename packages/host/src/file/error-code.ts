// What can go wrong with files of a user, and with those that several processes share.

export const FILE_ERROR_CODES = ['FILE_HOME', 'FILE_LOCKED'] as const;
export type FileErrorCode = (typeof FILE_ERROR_CODES)[number];

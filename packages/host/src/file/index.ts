// Files that are never half-written, and folders that one process changes at a time.
export type { FileErrorCode } from './error-code.ts';
export { FILE_ERROR_CODES } from './error-code.ts';
export { homeFolder } from './home-folder.ts';
export type { LockOptions } from './lock.ts';
export { isLocked, withLock } from './lock.ts';
export { isProcess, readProcessStart } from './process-start.ts';
export type { Unread } from './read-within.ts';
export { readWithin } from './read-within.ts';
export type { ReplaceFileOptions } from './replace-file.ts';
export {
  FOLDER_LOCK,
  isUnfinishedName,
  listTemporaries,
  replaceFile,
  sweepTemporaries,
  syncFolder,
  temporaryBeside,
} from './replace-file.ts';
export { stateFolder } from './state-folder.ts';

// Files that are never half-written.
export type { ReplaceFileOptions } from './replace-file.ts';
export { replaceFile, sweepTemporaries, syncFolder, temporaryBeside } from './replace-file.ts';

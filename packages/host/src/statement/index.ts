// Signed statements about images: in-toto in a DSSE envelope.
export { encodePreAuth, openEnvelope, signEnvelope } from './envelope.ts';
export type { StatementErrorCode } from './error-code.ts';
export { STATEMENT_ERROR_CODES } from './error-code.ts';
export type { FileDigests, ImageStatement } from './statement.ts';
export { digestFile, digestHandle, signStatement, verifyStatement, verifySubject } from './statement.ts';

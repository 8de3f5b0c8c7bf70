// What can go wrong with a signed statement.

export const STATEMENT_ERROR_CODES = [
  'STATEMENT_KEY',
  'STATEMENT_FORM',
  'STATEMENT_SIGNATURE',
  'STATEMENT_SUBJECT',
] as const;
export type StatementErrorCode = (typeof STATEMENT_ERROR_CODES)[number];

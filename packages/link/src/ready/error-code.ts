// What the ready line can be refused for, and what can be wrong with last words.

export const READY_ERROR_CODES = [
  'READY_LINE_FORM',
  'READY_LINE_TOO_LONG',
  'READY_WORDS_BOX',
  'READY_WORDS_KEY',
  'READY_WORDS_OPEN',
] as const;
export type ReadyErrorCode = (typeof READY_ERROR_CODES)[number];

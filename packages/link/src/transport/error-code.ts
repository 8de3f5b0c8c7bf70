// Codes of what a transport refuses on its own account. What the kernel or the far side refuses keeps its errno name
// (ECONNREFUSED, ETIMEDOUT, ENODEV, EADDRINUSE ...), see socket-error.ts.

export const TRANSPORT_ERROR_CODES = [
  'TRANSPORT_SETTING',
  'TRANSPORT_FOLDER',
  'TRANSPORT_PATH_LENGTH',
  'TRANSPORT_PREAMBLE',
  'TRANSPORT_LINE_LIMIT',
  'TRANSPORT_LINE_LATE',
  'TRANSPORT_LINE_CUT',
] as const;
export type TransportErrorCode = (typeof TRANSPORT_ERROR_CODES)[number];

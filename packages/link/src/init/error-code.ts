// Every way in which the control socket of the supervisor can fail, at either end. What the supervisor itself refuses has codes of its own.

export const INIT_SOCKET_ERROR_CODES = [
  'INIT_SOCKET_REQUEST',
  'INIT_SOCKET_METHOD',
  'INIT_SOCKET_STREAM',
  'INIT_SOCKET_ANSWER',
  'INIT_SOCKET_REFUSED',
  'INIT_SOCKET_TIMEOUT',
  'INITCTL_CONFIG',
  'INITCTL_PROTOCOL',
  'INITCTL_USAGE',
] as const;
export type InitSocketErrorCode = (typeof INIT_SOCKET_ERROR_CODES)[number];

// Every way in which a control session can fail, at either end, and what an enclave may tell somebody who is not let in.

export const CONTROL_ERROR_CODES = [
  'CONTROL_APPROVAL',
  'CONTROL_BINDING',
  'CONTROL_BUSY',
  'CONTROL_CLOSED',
  'CONTROL_KEY',
  'CONTROL_LIST_FORM',
  'CONTROL_LIST_OLD',
  'CONTROL_LIST_SIGNATURE',
  'CONTROL_LIST_TARGET',
  'CONTROL_LIST_TIME',
  'CONTROL_MESSAGE',
  'CONTROL_NOT_READY',
  'CONTROL_REFUSED',
  'CONTROL_SIMULATED',
  'CONTROL_TIMEOUT',
  'CONTROL_TLS',
  'CONTROL_VERB',
] as const;
export type ControlErrorCode = (typeof CONTROL_ERROR_CODES)[number];

/** What an enclave says inside TLS before it closes on a client: a code of this list and nothing else. */
export const CONTROL_REFUSALS = ['key', 'list', 'message', 'nsm', 'busy', 'time'] as const;
export type ControlRefusal = (typeof CONTROL_REFUSALS)[number];

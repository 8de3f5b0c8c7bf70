// Ready, not connected: the line an enclave keeps open to its host, and the health port.
export type { Phase, ReadyFinal, ReadyReason, ReadyReporter, ReadyState, ReasonCode } from './messages.ts';
export { PHASES, REASON_CODES } from './messages.ts';

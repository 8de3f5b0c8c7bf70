// Ready, not connected: the line an enclave keeps open to its host, and the health port.
export type { ReadyErrorCode } from './error-code.ts';
export { READY_ERROR_CODES } from './error-code.ts';
export type { ExchangeOptions, FrameExchange } from './exchange.ts';
export { exchangeFrame } from './exchange.ts';
export type { AskHealthOptions, HealthOutcome, SeenHealth } from './health-client.ts';
export { askHealth, askHealthOn } from './health-client.ts';
export type { HealthServer, HealthServerOptions } from './health-server.ts';
export { serveHealth } from './health-server.ts';
export type {
  HealthAnswer,
  HealthError,
  HealthStatus,
  Phase,
  ReadyFinal,
  ReadyMessage,
  ReadyReason,
  ReadyReporter,
  ReadyState,
  ReadyWordsPart,
  ReasonCode,
} from './messages.ts';
export {
  DEFAULT_HEALTH_PORT,
  HEALTH_ERRORS,
  HEALTH_STATUSES,
  MAX_READY_LINE_BYTES,
  PHASES,
  READY_HEARTBEAT_MS,
  REASON_CODES,
  statusOfPhase,
} from './messages.ts';
export type { SeenReason } from './reason.ts';
export { formatReason, isServiceName } from './reason.ts';

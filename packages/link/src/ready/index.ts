// Ready, not connected: the line an enclave keeps open to its host, and the health port.
export type { ReadyErrorCode } from './error-code.ts';
export { READY_ERROR_CODES } from './error-code.ts';
export type { ExchangeOptions, FrameExchange } from './exchange.ts';
export type { AskHealthOptions, HealthOutcome, SeenHealth } from './health-client.ts';
export { askHealth, askHealthOn } from './health-client.ts';
export type { HealthServer, HealthServerOptions } from './health-server.ts';
export { serveHealth } from './health-server.ts';
export type { SeenFinal, SeenMessage, SeenState } from './line.ts';
export { formatReadyLine, parseReadyLine } from './line.ts';
export type { ReadyLineOptions, ReadyLineServer } from './line-server.ts';
export { serveReadyLine } from './line-server.ts';
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
export { DEFAULT_HEALTH_PORT, MAX_READY_LINE_BYTES, PHASES, REASON_CODES, statusOfPhase } from './messages.ts';
export type { OpenedWords } from './open-words.ts';
export { openLastWords } from './open-words.ts';
export type { SeenReason } from './reason.ts';
export { formatReason } from './reason.ts';
export type { OpenReadyReporter, ReadyReporterOptions } from './reporter.ts';
export { createReadyReporter } from './reporter.ts';
export { readWordsKey, sealLastWords } from './seal-words.ts';
export type { LineStanding, ReadyEvent, SeenLine } from './seen-line.ts';
export type { SeenWords } from './words-part.ts';

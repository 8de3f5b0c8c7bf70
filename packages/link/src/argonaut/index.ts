// What both sides of argonaut share: knobs, the words of the log, bridges that run until one of them ends.

export type { BoundedRead } from './bounded-read.ts';
export { readBoundedFile, readBoundedStream } from './bounded-read.ts';
export type { BridgeLabel, ConnectionLine } from './connection-line.ts';
export { ConnectionLines } from './connection-line.ts';
export type { ArgonautErrorCode } from './error-code.ts';
export { ARGONAUT_ERROR_CODES } from './error-code.ts';
export type { ArgonautKnobs } from './knob.ts';
export { parseArgonautKnobs } from './knob.ts';
export type { PlannedBridge } from './planned-bridge.ts';
export { planBridge, TCP_DIAL_TIMEOUT_MS, VSOCK_DIAL_TIMEOUT_MS } from './planned-bridge.ts';
export type { SaidLine, Say, ServeBridgesOptions } from './serve-bridges.ts';
export { sayTo, serveBridges } from './serve-bridges.ts';

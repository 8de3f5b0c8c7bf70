// Bridges between any two of vsock, TCP and unix.
export type { Bridge, BridgeOptions, BridgeRoute, RouteConnection } from './bridge.ts';
export { openBridge } from './bridge.ts';
export type { BridgeErrorCode } from './bridge-error.ts';
export { BRIDGE_ERROR_CODES } from './bridge-error.ts';
export type { BridgeSet, BridgeSetChange } from './bridge-set.ts';
export { openBridgeSet } from './bridge-set.ts';
export type { BridgeAccepted, BridgeClosed, BridgeCounters, BridgeEvent, BridgePeer, BridgeRefused } from './event.ts';
export { isMetadataAddress } from './metadata.ts';
export type { ResolveHost } from './resolve.ts';
export { resolveBySystem } from './resolve.ts';
export type { BridgeLimits, BridgeRule } from './rule.ts';
export { checkBridgeLimits, checkBridgeRule, DEFAULT_BRIDGE_LIMITS } from './rule.ts';
export { readBridgeRules } from './rule-file.ts';
export type { RuleTextOptions } from './rule-record.ts';
export { parseBridgeRule, parseBridgeRules } from './rule-record.ts';

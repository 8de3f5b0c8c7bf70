// argonaut's parent side.
export type { ConfigWays, ConfigWaysOptions } from './config-ways.ts';
export { readConfigWays } from './config-ways.ts';
export type { HostArgonautErrorCode } from './error-code.ts';
export { HOST_ARGONAUT_ERROR_CODES } from './error-code.ts';
export type { EndpointPlanOptions, HostPlanOptions } from './plan.ts';
export { planEndpoint, planHostBridges } from './plan.ts';
export type { RunHostOptions } from './run-host.ts';
export { runHost } from './run-host.ts';

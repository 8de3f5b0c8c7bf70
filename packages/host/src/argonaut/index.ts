// argonaut's parent side.
export type { HostArgonautErrorCode } from './error-code.ts';
export { HOST_ARGONAUT_ERROR_CODES } from './error-code.ts';
export type { HostPlanOptions } from './plan.ts';
export { planHostBridges } from './plan.ts';
export type { RunHostOptions } from './run-host.ts';
export { runHost } from './run-host.ts';

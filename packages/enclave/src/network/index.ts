// network.service: what the image measures and the boot config adds, as bridges and a hosts block.
export type { ConfigNetwork } from './config-part.ts';
export { readConfigNetwork } from './config-part.ts';
export type { NetworkErrorCode } from './error-code.ts';
export { NETWORK_ERROR_CODES } from './error-code.ts';
export { findNetworkFaults } from './find-config-faults.ts';
export type { NetworkPlan, NetworkTerms } from './plan.ts';
export { planNetwork } from './plan.ts';

// The enclave's way out and in: the hosts block, the measured policy, the bridges of an argonaut config.
export type { EgressErrorCode } from './error-code.ts';
export { EGRESS_ERROR_CODES } from './error-code.ts';
export type { HostsEntry } from './hosts-block.ts';
export { renderHosts } from './hosts-block.ts';
export { writeHostsBlock } from './hosts-file.ts';
export { planEnclaveBridges } from './plan.ts';
export type { AllowedEndpoint, EgressPolicy } from './policy.ts';
export { MAX_POLICY_BYTES, parseEgressPolicy, verifyEgress } from './policy.ts';

// Enclave kernels: building one, judging a .config, finding one by name.

export type { BuildKernelOptions, KernelManifest } from './build-kernel.ts';
export { buildKernel } from './build-kernel.ts';
export type { KernelErrorCode } from './error-code.ts';
export { KERNEL_ERROR_CODES } from './error-code.ts';
export type { KernelFinding } from './judge-config.ts';
export { judgeKernelConfig } from './judge-config.ts';
export type { KernelConfig } from './parse-config.ts';
export { MAX_KERNEL_CONFIG_BYTES, optionOf, parseKernelConfig } from './parse-config.ts';
export type { KernelProfile, Requirement } from './requirement.ts';
export { REQUIREMENTS } from './requirement.ts';
export type { ResolvedKernel, ResolveKernelOptions } from './resolve-kernel.ts';
export { kernelCacheFolder, resolveKernel } from './resolve-kernel.ts';

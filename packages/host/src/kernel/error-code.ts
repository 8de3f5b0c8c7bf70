// What can go wrong with kernels: their configuration, their source, the machine that builds them.

export const KERNEL_ERROR_CODES = [
  'KERNEL_CONFIG',
  'KERNEL_SOURCE',
  'KERNEL_VERSION',
  'KERNEL_TOOL',
  'KERNEL_OPTION',
  'KERNEL_BUILD',
  'KERNEL_FOLDER',
  'KERNEL_NAME',
] as const;
export type KernelErrorCode = (typeof KERNEL_ERROR_CODES)[number];

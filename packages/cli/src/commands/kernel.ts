// `caisson kernel`: kernels for enclaves, built and judged (docs/kernel.md).
import type { RegisterCommand } from '../surroundings.ts';
import { registerKernelBuild } from './kernel-build.ts';
import { registerKernelConfig } from './kernel-config.ts';

export const register: RegisterCommand = (program, surroundings) => {
  const kernel = program.command('kernel').description('build enclave kernels and judge their configuration');
  registerKernelBuild(kernel, surroundings);
  registerKernelConfig(kernel, surroundings);
};

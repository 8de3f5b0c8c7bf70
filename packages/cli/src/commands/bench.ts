// `caisson bench`: how fast the way to an enclave is, and what holds it up (docs/vsock-speed.md).
import type { RegisterCommand } from '../surroundings.ts';
import { registerBenchChannel } from './bench-channel.ts';
import { registerBenchServe } from './bench-serve.ts';

export const register: RegisterCommand = (program, surroundings) => {
  const bench = program.command('bench').description('measure the way to an enclave and say what limits it');
  registerBenchChannel(bench, surroundings);
  registerBenchServe(bench, surroundings);
};

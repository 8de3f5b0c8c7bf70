// `caisson runtime`: what every image of ours carries to run node, made from named inputs (docs/runtime.md).
import type { RegisterCommand } from '../surroundings.ts';
import { registerRuntimePack } from './runtime-pack.ts';

export const register: RegisterCommand = (program, surroundings) => {
  const runtime = program
    .command('runtime')
    .description('make the archive of node and its libraries that images carry');
  registerRuntimePack(runtime, surroundings);
};

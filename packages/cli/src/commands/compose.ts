// `caisson compose`: caisson.yaml looked at, without anything being built or started (docs/compose.md).
import type { RegisterCommand } from '../surroundings.ts';
import { registerComposeCheck } from './compose-check.ts';
import { registerComposePrint } from './compose-print.ts';

export const register: RegisterCommand = (program, surroundings) => {
  const compose = program.command('compose').description('check caisson.yaml, or print what it comes to');
  registerComposeCheck(compose, surroundings);
  registerComposePrint(compose, surroundings);
};

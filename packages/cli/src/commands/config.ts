// `caisson config`: the boot config on its way, and what is wrong with it before it goes.
import { withArgonautUsage } from '../argonaut-usage.ts';
import type { RegisterCommand } from '../surroundings.ts';
import { registerConfigCheck } from './config-check.ts';
import { registerConfigRecv } from './config-recv.ts';
import { registerConfigSend } from './config-send.ts';
import { registerConfigSign } from './config-sign.ts';

export const register: RegisterCommand = (program, surroundings) => {
  const config = program.command('config').description('check, sign, send and receive an enclave’s boot config');
  withArgonautUsage(config, surroundings);
  registerConfigSend(config, surroundings);
  registerConfigRecv(config, surroundings);
  if (surroundings.name === 'argonaut') return;
  registerConfigCheck(config, surroundings);
  registerConfigSign(config, surroundings);
};

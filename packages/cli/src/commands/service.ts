// `caisson service`: service files checked before they are built, and all that initctl does.
import type { RegisterCommand } from '../surroundings.ts';
import { register as registerInitctl } from './initctl.ts';
import { registerServiceCheck } from './service-check.ts';

export const register: RegisterCommand = (program, surroundings) => {
  const service = program
    .command('service')
    .description('check service files (docs/service.md); control the supervisor of an enclave (docs/initctl.md)');
  registerServiceCheck(service, surroundings);
  registerInitctl(service, surroundings);
};

// `caisson operator`: who may command enclaves.
import type { RegisterCommand } from '../surroundings.ts';
import { registerOperatorApprove } from './operator-approve.ts';
import { registerOperatorCreate } from './operator-create.ts';
import { registerOperatorList } from './operator-list.ts';
import { registerOperatorShow } from './operator-show.ts';

export const register: RegisterCommand = (program, surroundings) => {
  const operator = program.command('operator').description('operator keys, and the lists that say who may do what');
  registerOperatorCreate(operator, surroundings);
  registerOperatorList(operator, surroundings);
  registerOperatorShow(operator, surroundings);
  registerOperatorApprove(operator, surroundings);
};

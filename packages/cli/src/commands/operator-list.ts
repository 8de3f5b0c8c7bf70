// `caisson operator list`: the keys on this machine; `operator list sign` and `send`: a dated list for enclaves.
import { withExitAction } from '../exit-action.ts';
import { EXIT_OK } from '../exit-code.ts';
import type { RegisterCommand } from '../surroundings.ts';
import { registerOperatorListSend } from './operator-list-send.ts';
import { registerOperatorListSign } from './operator-list-sign.ts';

export const registerOperatorList: RegisterCommand = (operator, surroundings) => {
  const { env, stdout } = surroundings;
  const command = operator
    .command('list')
    .description('show the operator keys on this machine')
    .option('--json', 'print one JSON document');
  withExitAction(command, async ({ json }: { json?: true }) => {
    const { listOperators } = await import('@caisson/host/operator');
    const operators = await listOperators(env);
    if (json) stdout.write(`${JSON.stringify({ v: 1, operators })}\n`);
    else for (const { name, path } of operators) stdout.write(`${name}\t${path}\n`);
    return EXIT_OK;
  });
  registerOperatorListSign(command, surroundings);
  registerOperatorListSend(command, surroundings);
};

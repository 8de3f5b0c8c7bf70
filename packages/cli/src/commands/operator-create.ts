// `caisson operator create`: an Ed25519 key of one's own, where nobody else reads it.
import { withExitAction } from '../exit-action.ts';
import { EXIT_OK } from '../exit-code.ts';
import { operatorDocument, operatorText } from '../operator-report.ts';
import type { RegisterCommand } from '../surroundings.ts';

export const registerOperatorCreate: RegisterCommand = (operator, { env, stdout }) => {
  const command = operator
    .command('create <name>')
    .description('make a key in ~/.config/caisson/operators (0600), under CAISSON_KEY_PASSPHRASE where it is set')
    .option('--json', 'print one JSON document');
  withExitAction(command, async (name: string, { json }: { json?: true }) => {
    const { createOperator } = await import('@caisson/host/operator');
    const made = await createOperator(name, env, env['CAISSON_KEY_PASSPHRASE']);
    stdout.write(json ? operatorDocument(made) : operatorText(made));
    return EXIT_OK;
  });
};

// `caisson operator show`: the public half of a key, as caisson.yaml and lists take it.
import { withExitAction } from '../exit-action.ts';
import { EXIT_OK } from '../exit-code.ts';
import { operatorDocument, operatorText } from '../operator-report.ts';
import type { RegisterCommand } from '../surroundings.ts';

export const registerOperatorShow: RegisterCommand = (operator, { env, stdout }) => {
  const command = operator
    .command('show <name>')
    .description('print the public key of an operator, by name or key file')
    .option('--json', 'print one JSON document');
  withExitAction(command, async (name: string, { json }: { json?: true }) => {
    const { showOperator } = await import('@caisson/host/operator');
    const shown = await showOperator(name, env, env['CAISSON_KEY_PASSPHRASE']);
    stdout.write(json ? operatorDocument(shown) : operatorText(shown));
    return EXIT_OK;
  });
};

// `caisson operator approve`: an act of another operator, looked at and signed with a key of this machine. The enclave is not asked: the signature counts there
// for this act, this boot and this key of the enclave alone.
import { withExitAction } from '../exit-action.ts';
import { EXIT_OK } from '../exit-code.ts';
import type { RegisterCommand } from '../surroundings.ts';

interface Flags {
  readonly operator?: string;
  readonly output?: string;
  readonly show?: true;
  readonly json?: true;
}

export const registerOperatorApprove: RegisterCommand = (operator, surroundings) => {
  const command = operator
    .command('approve <request>')
    .description('look at what another operator asks to do, and sign it: what comes out goes to his --approval')
    .option('--operator <name>', 'operator key by name or path; default CAISSON_OPERATOR, else the only one')
    .option('-o, --output <file>', 'where the approval goes; default REQUEST.approval')
    .option('--show', 'say what it is and sign nothing')
    .option('--json', 'print one JSON document');
  withExitAction(command, async (request: string, flags: Flags) => {
    const { approveRequest } = await import('../approve-request.ts');
    await approveRequest(request, flags, surroundings);
    return EXIT_OK;
  });
};

// `caisson operator list send`: a newer list to an enclave that runs, so that nobody has to reboot it to let an operator in or out.
import { withApprovedAction } from '../approving-session.ts';
import { EXIT_OK } from '../exit-code.ts';
import { type SessionFlags, withSession } from '../pipeline-session.ts';
import type { RegisterCommand } from '../surroundings.ts';

export const registerOperatorListSend: RegisterCommand = (list, surroundings) => {
  const command = list
    .command('send <enclave> <file>')
    .description('put a signed list into force in an enclave that runs; takes the verb operators');
  withApprovedAction(command, surroundings, async (enclave: string, file: string, flags: SessionFlags) => {
    const { MAX_OPERATOR_LIST_BYTES, parseOperatorList } = await import('@caisson/link/control');
    const { readBoundedFile } = await import('@caisson/link/argonaut');
    const bytes = await readBoundedFile(file, { maxBytes: MAX_OPERATOR_LIST_BYTES, what: `operator list ${file}` });
    // A file that is no list is found out here, not by an enclave.
    const { version } = parseOperatorList(bytes);
    await withSession(enclave, flags, surroundings, (session) => session.sendOperatorList(bytes));
    surroundings.stdout.write(`enclave ${enclave} has taken the operator list of version ${version}\n`);
    return EXIT_OK;
  });
};

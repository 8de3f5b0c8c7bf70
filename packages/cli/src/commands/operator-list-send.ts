// `caisson operator list send`: a newer list to an enclave that runs, so that nobody has to reboot it to let an operator in or out.
import {
  type ApproverFlags,
  type ControlFlags,
  openControlSession,
  readApprovers,
  withApproverFlag,
  withControlFlags,
} from '../control-flag.ts';
import { withExitAction } from '../exit-action.ts';
import { EXIT_OK } from '../exit-code.ts';
import type { RegisterCommand } from '../surroundings.ts';

export const registerOperatorListSend: RegisterCommand = (list, surroundings) => {
  const command = withApproverFlag(
    withControlFlags(
      list
        .command('send <enclave> <file>')
        .description('put a signed list into force in an enclave that runs; takes the verb operators'),
    ),
  );
  withExitAction(command, async (enclave: string, file: string, flags: ControlFlags & ApproverFlags) => {
    const { CONTROL_REQUEST, MAX_OPERATOR_LIST_BYTES, parseOperatorList } = await import('@caisson/link/control');
    const { readBoundedFile } = await import('@caisson/link/argonaut');
    const bytes = await readBoundedFile(file, { maxBytes: MAX_OPERATOR_LIST_BYTES, what: `operator list ${file}` });
    // A file that is none is found out here, not by an enclave.
    const { version } = parseOperatorList(bytes);
    const approvers = await readApprovers(flags, surroundings);
    const session = await openControlSession(enclave, flags, surroundings);
    try {
      if (approvers.length > 0 && (await session.info()).threshold > 1)
        await session.approve('operators', CONTROL_REQUEST.operators, bytes, approvers);
      await session.sendOperatorList(bytes);
    } finally {
      await session.close();
    }
    surroundings.stdout.write(`enclave ${enclave} has taken the operator list of version ${version}\n`);
    return EXIT_OK;
  });
};

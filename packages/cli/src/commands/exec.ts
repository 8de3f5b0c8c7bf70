// `caisson exec`: a command in an enclave, as if it ran here.

import { withApprovedAction } from '../approving-session.ts';
import { EXIT_CAISSON, failingAs, type SessionFlags, withSession } from '../pipeline-session.ts';
import { collect } from '../repeatable.ts';
import type { RunFlags } from '../run-remote.ts';
import type { RegisterCommand } from '../surroundings.ts';

export const register: RegisterCommand = (program, surroundings) => {
  const command = program
    .command('exec <enclave> <command...>')
    .description('run a command in an enclave: caisson exec NAME -- uname -a')
    .option('-i, --interactive', 'give it this standard input')
    .option('-t, --tty', 'give it a terminal')
    .option('-e, --env <name=value>', 'set a variable that the image gives out; may be repeated', collect)
    .option('--cwd <folder>', 'where it runs; default /')
    .option('-u, --user <user>', 'as whom: user or user:group of the image; default root')
    .option('--timeout <duration>', 'told to end after it: 90s, 5m');
  withApprovedAction(
    command,
    surroundings,
    async (enclave: string, argv: readonly string[], flags: SessionFlags & RunFlags) => {
      const { runRemote } = await import('../run-remote.ts');
      return failingAs(EXIT_CAISSON, surroundings, () =>
        withSession(enclave, flags, surroundings, (session) => runRemote(session, argv, flags, surroundings)),
      );
    },
  );
};

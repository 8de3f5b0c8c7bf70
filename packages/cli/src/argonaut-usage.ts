// Under the name `argonaut` a wrong command line prints that tool's usage, all of it and nothing else, and ends with 1.
import type { Command } from 'commander';
import type { Surroundings } from './surroundings.ts';

const usage = `Usage:
  argonaut host <cid> <config-file>
  argonaut enclave                         (JSON config on stdin)
  argonaut config send <cid> <vsock-port>  (stdin to vsock)
  argonaut config recv <vsock-port>        (vsock to stdout)
  argonaut nsm                             (NSM lines on stdin and stdout)
`;

/** Changes nothing under other names. For the program and again for each command that has commands of its own. */
export function withArgonautUsage<Tree extends Command>(command: Tree, { name }: Pick<Surroundings, 'name'>): Tree {
  if (name !== 'argonaut') return command;
  command.helpInformation = () => usage;
  command.showHelpAfterError(false).configureOutput({ outputError: (_text, write) => write(usage) });
  return command;
}

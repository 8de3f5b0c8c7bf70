// `caisson config recv`: one connection on a vsock port to standard output, the same function that the enclave bundle runs.
import { openSession, parsePortWord } from '../argonaut-session.ts';
import { untilStopped } from '../ended-by.ts';
import { withExitAction } from '../exit-action.ts';
import type { RegisterCommand } from '../surroundings.ts';

export const registerConfigRecv: RegisterCommand = (config, surroundings) => {
  const command = config
    .command('recv <vsock-port>')
    .description('take one connection, read it to its end (at most 1 MiB), write it to stdout');
  withExitAction(command, async (portWord: string) => {
    const port = parsePortWord(portWord);
    const { runConfigRecv } = await import('@caisson/enclave/main/config-recv');
    const { transport } = await openSession(surroundings);
    const { stdout, stop } = surroundings;
    return untilStopped(runConfigRecv({ port }, { stdout, transport, stop }), stop);
  });
};

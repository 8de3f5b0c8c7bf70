// `caisson events`: what happened to enclaves on this host, as their shims saw it.
import { openEnclaveSource } from '../enclave-source.ts';
import { withExitAction } from '../exit-action.ts';
import type { RegisterCommand } from '../surroundings.ts';

interface Flags {
  readonly follow?: true;
  readonly since?: string;
  readonly json?: true;
}

export const register: RegisterCommand = (program, surroundings) => {
  const command = program
    .command('events [enclaves...]')
    .description('show what happened to enclaves: phases, refused connections, ends, restarts')
    .option('-f, --follow', 'until Ctrl-C (exit 130), also of enclaves that start later')
    .option('--since <time>', 'so long ago (10m), or a moment (RFC 3339)')
    .option('--json', 'print one JSON document; with -f one for each event');
  withExitAction(command, async (names: readonly string[], { follow, since, json }: Flags) => {
    const { parseSince } = await import('../moment-flag.ts');
    const { showEvents } = await import('../event-session.ts');
    return await showEvents(await openEnclaveSource(surroundings), surroundings, {
      names,
      follow: follow === true,
      json: json === true,
      sinceMs: since === undefined ? 0 : parseSince(since, Date.now()),
    });
  });
};

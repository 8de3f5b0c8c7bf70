// `caisson stats`: what enclaves take of this host, and what goes through their bridges.
import { openEnclaveSource } from '../enclave-source.ts';
import { withExitAction } from '../exit-action.ts';
import type { RegisterCommand } from '../surroundings.ts';

interface Flags {
  readonly watch?: true;
  readonly interval: string;
  readonly json?: true;
}

export const register: RegisterCommand = (program, surroundings) => {
  const command = program
    .command('stats [enclaves...]')
    .description('show processor, memory and connections of enclaves')
    .option('-w, --watch', 'again and again until Ctrl-C (exit 130)')
    .option('--interval <duration>', 'with --watch, between two looks', '2s')
    .option('--json', 'print one JSON document; with --watch one for each look');
  withExitAction(command, async (names: readonly string[], { watch, interval, json }: Flags) => {
    const { parseInterval } = await import('../moment-flag.ts');
    const { showStats } = await import('../stats-session.ts');
    return await showStats(await openEnclaveSource(surroundings), surroundings, {
      names,
      watch: watch === true,
      json: json === true,
      intervalMs: parseInterval('--interval', interval),
    });
  });
};

// `caisson stop`: ends enclaves; their records stay, so that `restart` starts them again.
import { showEnd } from '../end-report.ts';
import { openEngine, parseWait } from '../engine-session.ts';
import { withExitAction } from '../exit-action.ts';
import type { RegisterCommand, Surroundings } from '../surroundings.ts';

interface Flags {
  readonly time?: string;
  readonly json?: true;
}

export const register: RegisterCommand = (program, surroundings) => {
  const command = program
    .command('stop <names...>')
    .description('end enclaves in order; caisson restart starts them again')
    .option('-t, --time <duration>', 'to end by themselves; then they are ended; 0: at once')
    .option('--json', 'print one JSON document');
  withExitAction(command, (names: readonly string[], flags: Flags) => stop(names, flags, surroundings));
};

async function stop(names: readonly string[], { time, json }: Flags, surroundings: Surroundings): Promise<number> {
  const graceMs = await parseWait('--time', time);
  const engine = await openEngine(surroundings);
  const result = await engine.execute({ verb: 'stop', names, ...(graceMs !== undefined && { graceMs }) });
  return showEnd(result, json === true, surroundings);
}

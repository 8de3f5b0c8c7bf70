// `caisson rm`: removes the records of enclaves that have ended.
import { showEnd } from '../end-report.ts';
import { openEngine } from '../engine-session.ts';
import { withExitAction } from '../exit-action.ts';
import type { RegisterCommand, Surroundings } from '../surroundings.ts';

interface Flags {
  readonly force?: true;
  readonly json?: true;
}

export const register: RegisterCommand = (program, surroundings) => {
  const command = program
    .command('rm <names...>')
    .description('remove the records of enclaves that have ended: state, logs, last words')
    .option('-f, --force', 'end them first')
    .option('--json', 'print one JSON document');
  withExitAction(command, (names: readonly string[], flags: Flags) => remove(names, flags, surroundings));
};

async function remove(names: readonly string[], { force, json }: Flags, surroundings: Surroundings): Promise<number> {
  const engine = await openEngine(surroundings);
  const result = await engine.execute({ verb: 'remove', names, force: force === true });
  return showEnd(result, json === true, surroundings);
}

// `caisson restart`: enclaves once more, as they were asked for, to ready.
import { openEngine, parseWait } from '../engine-session.ts';
import { withExitAction } from '../exit-action.ts';
import type { RegisterCommand, Surroundings } from '../surroundings.ts';
import { showUp } from '../up-session.ts';

interface Flags {
  readonly time?: string;
  readonly timeout?: string;
  readonly json?: true;
}

export const register: RegisterCommand = (program, surroundings) => {
  const command = program
    .command('restart <names...>')
    .description('end enclaves and start them again as they were asked for; start those that have ended')
    .option('-t, --time <duration>', 'to end by themselves; then they are ended')
    .option('--timeout <duration>', 'of each, until it is ready')
    .option('--json', 'print one JSON document');
  withExitAction(command, (names: readonly string[], flags: Flags) => restart(names, flags, surroundings));
};

async function restart(names: readonly string[], flags: Flags, surroundings: Surroundings): Promise<number> {
  const [graceMs, timeoutMs] = await Promise.all([
    parseWait('--time', flags.time),
    parseWait('--timeout', flags.timeout),
  ]);
  const engine = await openEngine(surroundings);
  const { code } = await showUp(surroundings, flags.json === true, async (onEvent) => {
    const command = {
      ...({ verb: 'restart', names } as const),
      ...(graceMs !== undefined && { graceMs }),
      ...(timeoutMs !== undefined && { timeoutMs }),
    };
    return (await engine.execute(command, { onEvent, signal: surroundings.stop })).enclaves;
  });
  return code;
}

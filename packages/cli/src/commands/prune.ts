// `caisson prune`: makes room by what nobody needs any more (docs/run.md).
import { openEngine } from '../engine-session.ts';
import { withExitAction } from '../exit-action.ts';
import { showPrune } from '../prune-report.ts';
import type { RegisterCommand } from '../surroundings.ts';

interface Flags {
  readonly dryRun?: true;
  readonly ended?: true;
  readonly json?: true;
}

export const register: RegisterCommand = (program, surroundings) => {
  const command = program
    .command('prune')
    .description('remove images that no enclave has a record of, and what killed processes have left')
    .option('--ended', 'records of enclaves that have ended, too, and images that they alone name')
    .option('--dry-run', 'say what would be removed, and remove nothing')
    .option('--json', 'print one JSON document');
  withExitAction(command, async ({ dryRun, ended, json }: Flags) => {
    const engine = await openEngine(surroundings);
    const command = { verb: 'prune', dryRun: dryRun === true, ended: ended === true } as const;
    return showPrune(await engine.execute(command, { signal: surroundings.stop }), json === true, surroundings);
  });
};

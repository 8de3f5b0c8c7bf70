// `caisson attest compare`: what was built beside what runs, the latter from a document of now that holds.
import type { CompareResult } from '@caisson/host/engine';
import type { Command } from 'commander';
import { openEngine } from '../engine-session.ts';
import { withExitAction } from '../exit-action.ts';
import { EXIT_OK, EXIT_REFUSED, UsageError } from '../exit-code.ts';
import type { Surroundings } from '../surroundings.ts';
import { textTable } from '../text-table.ts';

interface Flags {
  readonly operator?: string;
  readonly policy?: string;
  readonly file?: string;
  readonly json?: true;
}

export function registerAttestCompare(attest: Command, surroundings: Surroundings): void {
  const command = attest
    .command('compare <name>')
    .description('set the PCRs that were built beside those of a running enclave; exit 2 when they differ')
    .option('--operator <name>', 'operator key by name or path; default CAISSON_OPERATOR, else the only one')
    .option('--policy <file>', 'what the enclave must be; default caisson.yaml here, then ~/.config/caisson/policies')
    .option('-f, --file <file>', 'caisson.yaml')
    .option('--json', 'print one JSON document');
  withExitAction(command, (name: string, flags: Flags) => compare(name, flags, surroundings));
}

async function compare(
  name: string,
  { operator, policy, file, json }: Flags,
  surroundings: Surroundings,
): Promise<number> {
  const { stdout, stderr, stop } = surroundings;
  const { CaissonError } = await import('@caisson/core/errors');
  const engine = await openEngine(surroundings);
  const command = {
    ...({ verb: 'compare', name } as const),
    ...(operator !== undefined && { operator }),
    ...(policy !== undefined && { policyFile: policy }),
    ...(file !== undefined && { composeFile: file }),
  };
  const watch = {
    onEvent: (event: { kind: string; text?: string }) =>
      void (event.text !== undefined && stderr.write(`${event.text}\n`)),
    signal: stop,
  };
  const result = await engine.execute(command, watch).catch((error: unknown) => {
    // Without a policy nothing was asked (docs/control.md).
    if (error instanceof CaissonError && error.code === 'OPERATOR_POLICY')
      throw new UsageError(error.message, error.hint);
    throw error;
  });
  stdout.write(json ? `${JSON.stringify({ v: 1, ...result })}\n` : table(result));
  return result.equal ? EXIT_OK : EXIT_REFUSED;
}

function table({ pcrs, equal, name }: CompareResult): string {
  const rows = pcrs.flatMap(({ index, built, running, equal: isSame }) =>
    isSame
      ? [[`PCR${index}`, 'equal', built ?? 'none']]
      : [
          [`PCR${index}`, 'built', built ?? 'none'],
          ['', 'running', running ?? 'none'],
        ],
  );
  return `${textTable(rows)}${equal ? `EQUAL: ${name} runs what was built\n` : `DIFFERENT: ${name} runs another image\n`}`;
}

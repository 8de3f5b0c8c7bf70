// `caisson run`: one enclave from an image or a source, without a caisson.yaml (docs/run.md).
import type { EngineEvent, UpOutcome } from '@caisson/host/engine';
import { Option } from 'commander';
import { openEngine, parseWait } from '../engine-session.ts';
import { withExitAction } from '../exit-action.ts';
import { EXIT_OK, UsageError } from '../exit-code.ts';
import { collect } from '../repeatable.ts';
import { type RunFlags, runCommandOf } from '../run-words.ts';
import type { RegisterCommand, Surroundings } from '../surroundings.ts';
import { showUp } from '../up-session.ts';

interface Flags extends RunFlags {
  readonly timeout?: string;
  readonly detach?: true;
  readonly rm?: true;
  readonly json?: true;
}

export const register: RegisterCommand = (program, surroundings) => {
  const command = program
    .command('run')
    .argument('<image>', 'an image file, NAME:VERSION of the store, or a source that is built first')
    .argument('[command...]', 'after --: what an image that is built runs')
    .description('run one enclave to ready, show what it says, and end it with Ctrl-C (docs/run.md)')
    .option('--name <name>', 'default: that of the image')
    .addOption(new Option('--backend <kind>', 'where').choices(['auto', 'nitro', 'qemu', 'sim']).default('auto'))
    .option('--cpus <count>', 'how many; default 2, simulated all')
    .option('--cpu-ids <ids>', 'which: 1,3,4-6')
    .option('--memory <MiB>', 'default: four times the image, at least 512')
    .option('--cid <cid>', 'default: the next that is free')
    .option('--debug', 'with a console everywhere; its PCRs are zeros and it proves nothing')
    .option('-p, --publish <rule>', '[[ADDRESS:]HOSTPORT:]PORT, into the enclave; may be repeated', collect)
    .option('--egress <host:port>', 'where it may connect; may be repeated; measured', collect)
    .option('--config <file>', 'boot config')
    .addOption(new Option('--restart <policy>', 'when it ends').choices(['no', 'always', 'on-failure']).default('no'))
    .option('--label <name=value>', 'a word of your own; may be repeated', collect)
    .addOption(
      new Option('--profile <name>', 'of a source; default development').choices(['development', 'production']),
    )
    .option(
      '--operator <name>',
      'of a source: an operator key of this machine that may do everything; in development by default dev, made if needed',
    )
    .option('--timeout <duration>', 'until it is ready')
    .option('-d, --detach', 'return once it is ready, and leave it running')
    .option('--rm', 'remove its record when it has ended')
    .option('--json', 'print one JSON document once it is ready; needs --detach');
  withExitAction(command, (image: string, words: readonly string[], flags: Flags) =>
    run(image, words, flags, surroundings),
  );
};

async function run(image: string, words: readonly string[], flags: Flags, surroundings: Surroundings): Promise<number> {
  const isDetached = flags.detach === true;
  if (isDetached && flags.rm === true) throw new UsageError('--rm needs a run in the foreground', 'caisson rm NAME');
  if (!isDetached && flags.json === true)
    throw new UsageError('--json needs --detach: what an enclave says is no JSON');
  const timeoutMs = await parseWait('--timeout', flags.timeout);
  const command = runCommandOf(image, words, flags, timeoutMs, false);
  const engine = await openEngine(surroundings);
  const begun = new Set<string>();
  const work = async (onEvent: (event: EngineEvent) => void): Promise<readonly UpOutcome[]> => {
    const watch = (event: EngineEvent): void => {
      if (event.kind === 'begin' && event.phase === 'boot') begun.add(event.enclave);
      onEvent(event);
    };
    return [await engine.execute(command, { onEvent: watch, signal: surroundings.stop })];
  };
  const { code, outcomes } = await showUp(surroundings, flags.json === true, work, isDetached ? undefined : '');
  if (isDetached) return code;
  const [outcome] = outcomes ?? [];
  let last = code;
  if (outcome !== undefined) {
    const { codeOfEnded, stayWith } = await import('../run-attached.ts');
    last = await (code === EXIT_OK ? stayWith(engine, outcome, surroundings) : codeOfEnded(engine, outcome, code));
  }
  // What ran in the foreground does not run behind it.
  for (const name of begun) {
    if (flags.rm === true) await engine.execute({ verb: 'remove', names: [name], force: true });
    else if (outcomes === undefined) await engine.execute({ verb: 'stop', names: [name] });
  }
  return last;
}

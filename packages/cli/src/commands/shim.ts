// `caisson shim`: the process that keeps one enclave (docs/shim.md). Started by up, run and restart, never by hand, and so not shown.
import { closeSync, writeSync } from 'node:fs';
import { withExitAction } from '../exit-action.ts';
import { EXIT_FAILED, EXIT_OK, UsageError } from '../exit-code.ts';
import type { RegisterCommand, Surroundings } from '../surroundings.ts';
import { version } from '../version.ts';

interface Flags {
  readonly tell?: string;
  readonly end?: true;
}

export const register: RegisterCommand = (program, surroundings) => {
  const command = program
    .command('shim <name>', { hidden: true })
    .description('keep one enclave: what up, run and restart start')
    .option('--tell <fd>', 'write one line of JSON there: it is up, or why not')
    .option('--end', 'end what a killed shim has left, and start nothing');
  withExitAction(command, (name: string, flags: Flags) => shim(name, flags, surroundings));
};

async function shim(name: string, { tell, end }: Flags, surroundings: Surroundings): Promise<number> {
  if (tell !== undefined && !/^[3-9]$/.test(tell))
    throw new UsageError(`--tell must be a descriptor in 3..9, got ${tell}`);
  const { env, stop } = surroundings;
  const { describeStart, endLeft, runShim } = await import('@caisson/host/shim');
  let isTold = tell === undefined;
  const say = (error?: unknown): void => {
    if (isTold) return;
    isTold = true;
    writeSync(Number(tell), describeStart(error));
    closeSync(Number(tell));
  };
  // The terminal that it was started from may go; it stays.
  surroundings.onReload(() => {});
  try {
    const { stateFolder } = await import('@caisson/host/store');
    const { createLinuxKernel } = await import('@caisson/sys');
    const { openBackend } = await import('../open-backend.ts');
    const [state, kernel] = [stateFolder(env), createLinuxKernel()];
    const open = {
      state,
      name,
      openBackend: (kind: 'sim' | 'qemu' | 'nitro') => openBackend(kind, { state, env, kernel }),
    };
    if (end === true) {
      await endLeft(open);
      say();
      return EXIT_OK;
    }
    const last = await runShim({ ...open, kernel, version, stop, onUp: () => say() });
    return last.phase === 'failed' ? EXIT_FAILED : EXIT_OK;
  } catch (error) {
    say(error);
    throw error;
  }
}

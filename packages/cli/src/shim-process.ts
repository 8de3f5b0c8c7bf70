// A process that is a shim and nothing else. There is one for each enclave and it stays, so it is started without the tree of commands, which is as
// large again; `commands/shim.ts` is the same for whoever goes through the tree. Bundled it is one file, which is read whole: when the program
// is built again or replaced under it, it needs nothing that would be gone.
import { closeSync, writeSync } from 'node:fs';
import type { BackendKind } from '@caisson/host/backend';
import { EXIT_FAILED, EXIT_OK, exitCodeOf, UsageError } from './exit-code.ts';
import type { ShimFlags } from './shim-words.ts';
import { sourceStack } from './source-stack.ts';
import type { Surroundings } from './surroundings.ts';
import { version } from './version.ts';

/** Resolves with the exit code; never rejects. */
export async function runShimProcess(name: string, flags: ShimFlags, surroundings: Surroundings): Promise<number> {
  try {
    return await keepEnclave(name, flags, surroundings);
  } catch (error) {
    // log/shim.log.
    surroundings.stderr.write(`caisson: ${error instanceof Error ? sourceStack(error) : String(error)}\n`);
    return exitCodeOf(error);
  }
}

/** If the shim cannot start, that is written to the descriptor `tell` as well as thrown. */
export async function keepEnclave(name: string, { tell, end }: ShimFlags, surroundings: Surroundings): Promise<number> {
  if (tell !== undefined && !/^[3-9]$/.test(tell))
    throw new UsageError(`--tell must be a descriptor in 3..9, got ${tell}`);
  const { env, stop } = surroundings;
  const { describeStart, endLeft, runShim } = await import('@caisson/host/shim');
  let isTold = tell === undefined;
  const say = (error?: unknown): void => {
    if (isTold) return;
    isTold = true;
    try {
      writeSync(Number(tell), describeStart(error));
      closeSync(Number(tell));
    } catch {
      // Whoever started it is gone. It was asked to keep an enclave, and that is what it does.
    }
  };
  // The terminal that started it may close; the shim stays.
  surroundings.onReload(() => {});
  try {
    const { createLinuxKernel } = await import('@caisson/sys');
    const { openBackend } = await import('./open-backend.ts');
    const state = env['CAISSON_STATE'] || (await import('@caisson/host/file')).stateFolder(env);
    const kernel = createLinuxKernel();
    const open = { state, name, openBackend: (kind: BackendKind) => openBackend(kind, { state, env, kernel }) };
    if (end === true) {
      await endLeft(open);
      say();
      return EXIT_OK;
    }
    const last = await runShim({ ...open, kernel, version, operatorEnv: env, stop, onUp: () => say() });
    return last.phase === 'failed' ? EXIT_FAILED : EXIT_OK;
  } catch (error) {
    say(error);
    throw error;
  }
}

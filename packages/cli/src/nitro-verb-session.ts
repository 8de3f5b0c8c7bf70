// What commands under nitro-cli's verbs share: the way to enclaves, its exit codes, its words of failure.
import type { NitroVerbWorld } from '@caisson/host/nitro-verb';
import { endedCode } from './ended-by.ts';
import { openEngine } from './engine-session.ts';
import { harmlessText } from './harmless.ts';
import type { Surroundings } from './surroundings.ts';

export async function openNitroVerbs(
  { env }: Pick<Surroundings, 'env'>,
  say: (line: string) => void,
): Promise<NitroVerbWorld> {
  const { openParentEnclaves } = await import('@caisson/host/backend-nitro');
  return { engine: await openEngine({ env }), env, parent: openParentEnclaves(env['PATH']), say };
}

/** The exit code is nitro-cli's code for the error. A defect of this program has none, and passes as it is. */
export async function underNitroVerb(
  { stderr, stop }: Pick<Surroundings, 'stderr' | 'stop'>,
  during: 'start' | 'other',
  run: () => Promise<number>,
): Promise<number> {
  try {
    return await run();
  } catch (error) {
    if (stop.aborted) return endedCode(stop);
    const { asNitroFailure } = await import('@caisson/host/nitro-verb');
    const failure = asNitroFailure(error, during);
    if (failure === undefined) throw error;
    const { nitro, message, hint } = failure;
    stderr.write(`[ ${nitro} ] ${harmlessText(message)}\n`);
    if (hint !== undefined) stderr.write(`  hint: ${harmlessText(hint)}\n`);
    stderr.write(`\ncaisson explain ${nitro} says what nitro-cli means by it\n`);
    return Number(nitro.slice(1));
  }
}

// What the commands of the engine share: the engine of this process, how it is shown while it works, and exit codes of what came of it.
import type { Engine, HostLook, UpOutcome } from '@caisson/host/engine';
import { EXIT_FAILED, EXIT_NOT_READY, EXIT_OK, EXIT_REFUSED, UsageError } from './exit-code.ts';
import { selfWords } from './self.ts';
import type { Surroundings } from './surroundings.ts';
import { version } from './version.ts';

export async function openEngine({ env }: Pick<Surroundings, 'env'>): Promise<Engine> {
  const { createEngine } = await import('@caisson/host/engine');
  return createEngine({ env, words: selfWords(), version, host: lookAtHost(env) });
}

/** A backend is loaded only when it is asked about. */
function lookAtHost(env: Surroundings['env']): HostLook {
  return {
    async findMissing(kind) {
      const { createLinuxKernel } = await import('@caisson/sys');
      const { stateFolder } = await import('@caisson/host/file');
      const { openBackend } = await import('./open-backend.ts');
      return await (
        await openBackend(kind, { state: stateFolder(env), env, kernel: createLinuxKernel() })
      ).findMissing();
    },
    async requirePort(enclave, rule) {
      const { requireFreePort } = await import('@caisson/host/shim');
      await requireFreePort(enclave, rule);
    },
  };
}

/** The exit code of the worst outcome: refused before failed before late. */
export function exitOfOutcomes(outcomes: readonly Pick<UpOutcome, 'kind'>[]): number {
  const kinds = new Set(outcomes.map(({ kind }) => kind));
  if (kinds.has('refused')) return EXIT_REFUSED;
  if (kinds.has('failed') || (kinds.has('skipped') && !kinds.has('late'))) return EXIT_FAILED;
  return kinds.has('late') ? EXIT_NOT_READY : EXIT_OK;
}

/** Milliseconds; a bare number is seconds. Throws UsageError. */
export async function parseWait(option: string, text: string | undefined): Promise<number | undefined> {
  if (text === undefined) return undefined;
  const { parseDuration } = await import('@caisson/core/config');
  try {
    const ms = Math.round(parseDuration(/^[0-9]+(\.[0-9]+)?$/.test(text) ? `${text}s` : text));
    if (ms >= 0 && ms <= 86_400_000) return ms;
  } catch {
    // The fault is reported below, with the name of the option.
  }
  throw new UsageError(`${option} must be seconds or a duration of at most 24h, got ${JSON.stringify(text)}`);
}

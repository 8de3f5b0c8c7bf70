// `caisson console`: bytes that an enclave writes to its console, without what steers a terminal. On hardware only an enclave in debug mode has one that
// can be read; of one that has ended, the newest part is on disk.
import { CaissonError } from '@caisson/core/errors';
import { type EnclaveRecord, enclaveFolder, isRunning } from '@caisson/host/record';
import type { EnclaveSource } from './enclave-source.ts';
import { endedBy } from './ended-by.ts';
import { createHarmless } from './harmless.ts';
import { readTail } from './kept-events.ts';
import type { Surroundings } from './surroundings.ts';

export interface ConsoleOptions {
  readonly follow: boolean;
  /** Ends by itself after this time; undefined: never. */
  readonly disconnectMs: number | undefined;
}

class NoConsoleError extends CaissonError<'CLI_CONSOLE'> {
  constructor(name: string) {
    super('CLI_CONSOLE', `enclave ${name} must be in debug mode to have a console, got one that is not`, {
      hint: `caisson logs ${name} shows its services; an enclave in debug mode has a console and proves nothing`,
    });
  }
}

// Chosen: as much as a shim keeps.
const maxBytes = 1 << 20;

export async function showConsole(
  source: EnclaveSource,
  name: string,
  { stdout, stderr, stop }: Pick<Surroundings, 'stdout' | 'stderr' | 'stop'>,
  { follow, disconnectMs }: ConsoleOptions,
): Promise<number> {
  const record = await source.find(name);
  requireConsole(record);
  const harmless = createHarmless();
  const shim = isRunning(record) ? await source.openShim(name) : undefined;
  if (shim === undefined) {
    stderr.write(`enclave ${name} is ${record.state?.phase ?? 'not started'}: this is what its host kept\n`);
    stdout.write(harmless(Buffer.from(await readTail(enclaveFolder(source.state, name).console, maxBytes))));
    return 0;
  }
  const late = disconnectMs === undefined ? undefined : AbortSignal.timeout(disconnectMs);
  const signal = late === undefined ? stop : AbortSignal.any([stop, late]);
  const read = async (): Promise<void> => {
    for await (const piece of shim.console({ follow, signal })) stdout.write(harmless(piece));
    stop.throwIfAborted();
  };
  try {
    return await endedBy(
      stop,
      read().catch((error: unknown) => {
        if (late?.aborted !== true) throw error;
      }),
    );
  } finally {
    await shim.close().catch(() => {});
  }
}

function requireConsole({ name, spec, state }: EnclaveRecord): void {
  const backend = state?.backend ?? spec?.backend;
  if (backend !== 'nitro' || spec?.debug === true) return;
  throw new NoConsoleError(name);
}

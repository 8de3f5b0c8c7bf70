// Asks the backend for the enclave of one boot. An enclave that still runs as it was asked for is taken over; in every other case a new one is
// started.
import type { EnclaveConsole, EnclavePlace, EnclaveSpec, RunningEnclave } from '../backend/index.ts';
import type { RecordedState } from '../record/index.ts';
import type { BootTools } from './boot-tools.ts';

export interface BeginHooks {
  readonly signal: AbortSignal;
  /** Called when CID and transport are known: before a new enclave runs, or for one that was taken over. */
  readonly onPlace: (place: EnclavePlace) => Promise<void>;
  /** Called when the enclave begins to boot, with its console where it can be read already. */
  readonly onBoot: (console: EnclaveConsole | undefined) => void;
  /** Called for an enclave that was taken over. It already runs, so whatever fails from here on has to end it. */
  readonly onAdopted: (running: RunningEnclave) => void;
}

/** Throws what `Backend.start` throws. `adoptFrom` is the state that a shim which died has left. */
export async function beginBoot(
  { backend, events, keeper, onStep, spec }: BootTools,
  { signal, onPlace, onBoot, onAdopted }: BeginHooks,
  adoptFrom: RecordedState | undefined,
): Promise<RunningEnclave> {
  const asked: EnclaveSpec = {
    name: spec.name,
    image: spec.image,
    measurements: spec.measurements,
    memoryMiB: spec.memoryMiB,
    cpus: spec.cpus,
    debug: spec.debug,
    bootMs: spec.readyTimeoutMs,
    isKept: true,
    ...(spec.cid === undefined ? {} : { cid: spec.cid }),
    signal,
    onPlace,
    onBoot: (console) => {
      onBoot(console);
      keeper.enter('booting', { startedAt: keeper.now() });
      onStep('boot-begun');
    },
  };
  onStep('boot-asked');
  if (backend.adopt === undefined) return await backend.start(asked);
  let adopted: RunningEnclave | undefined;
  try {
    adopted = await backend.adopt(asked);
  } catch (error) {
    // Something runs that is not what was asked for. It is not taken over, and starting anew ends it.
    events.add('warn', 'ENCLAVE_NOT_ADOPTED', (error as Error).message);
  }
  if (adopted === undefined) return await backend.start(asked);
  onAdopted(adopted);
  events.add('info', 'ENCLAVE_ADOPTED', `enclave ${spec.name} runs and was taken over`, { cid: adopted.cid });
  keeper.enter('booting', adoptFrom?.cid === adopted.cid ? { startedAt: adoptFrom.startedAt } : {});
  await onPlace(adopted);
  return adopted;
}

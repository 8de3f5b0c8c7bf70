// The enclave of one boot, asked of the backend: what runs already as it was asked for is taken over, anything else is started.
import type { EnclavePlace, EnclaveSpec, RunningEnclave } from '../backend/index.ts';
import type { RecordedState } from '../record/index.ts';
import type { BootTools } from './boot-tools.ts';

export interface BeginHooks {
  readonly signal: AbortSignal;
  /** Its place is known, and it does not run yet; or it is one that was taken over. */
  readonly onPlace: (place: EnclavePlace) => Promise<void>;
  /** Its first instruction. */
  readonly onBoot: () => void;
  /** It runs already, whatever becomes of its places: from here on it must be ended. */
  readonly onAdopted: (running: RunningEnclave) => void;
}

/** Throws what the backend cannot start. `adoptFrom`: what the last shim left. */
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
    onBoot: () => {
      onBoot();
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
    // It runs and is not what was asked for: the start that follows ends it.
    events.add('warn', 'ENCLAVE_NOT_ADOPTED', (error as Error).message);
  }
  if (adopted === undefined) return await backend.start(asked);
  onAdopted(adopted);
  events.add('info', 'ENCLAVE_ADOPTED', `enclave ${spec.name} runs and was taken over`, { cid: adopted.cid });
  keeper.enter('booting', adoptFrom?.cid === adopted.cid ? { startedAt: adoptFrom.startedAt } : {});
  await onPlace(adopted);
  return adopted;
}

// Sends the boot config in the form that the enclave takes, and logs each step.

import type { EnclavePlace } from '../backend/index.ts';
import { sendBootConfig } from '../boot-config/index.ts';
import type { EventLog } from './event-log.ts';
import type { ShimStep } from './step.ts';

export interface SendAskedConfigOptions {
  readonly place: EnclavePlace;
  /** Undefined where there is none to send. */
  readonly config: Uint8Array | undefined;
  readonly events: EventLog;
  readonly timeoutMs: number;
  readonly signal: AbortSignal;
  readonly onStep: (step: ShimStep) => void;
}

/** Throws what sendBootConfig throws. */
export async function sendAskedConfig(options: SendAskedConfigOptions): Promise<void> {
  const { place, config, events, timeoutMs, signal, onStep } = options;
  if (config === undefined) return;
  await sendBootConfig({
    transport: place.transport,
    cid: place.cid,
    bytes: config,
    timeoutMs: Math.ceil(timeoutMs),
    signal,
    retry: true,
    say: ({ level, code, message, fields }) => events.add(level, code, message, fields),
  });
  onStep('config-sent');
}

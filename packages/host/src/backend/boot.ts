// From the first instruction to the heartbeat: one boot at a time on this host, bounded, and with the evidence when nothing comes of it.
import { join } from 'node:path';
import type { Cid } from '@caisson/core/address';
import type { Transport } from '@caisson/link/transport';
import { withLock } from '../file/index.ts';
import type { EnclaveSpec } from './backend.ts';
import { BootError } from './boot-error.ts';
import type { EnclaveConsole } from './console.ts';
import type { EnclaveEnd } from './end.ts';
import { awaitHeartbeat } from './heartbeat.ts';

export interface Boot {
  readonly spec: EnclaveSpec;
  /** Of the state, with `boot.lock` (docs/wire/state.md). */
  readonly state: string;
  readonly cid: Cid;
  readonly transport: Transport;
  readonly console: EnclaveConsole;
  readonly ended: Promise<EnclaveEnd>;
  /** Starts the enclave. */
  run(): Promise<void> | void;
}

// Chosen.
const defaultBootMs = 60_000;
// Chosen: time for the boots that may have to end before this one, each a slow one.
const lockMs = 300_000;

/** Throws BootError, and then the caller ends what runs. Rejects with the reason of `spec.signal`. */
export async function awaitBoot({ spec, state, cid, transport, console, ended, run }: Boot): Promise<void> {
  const { name, bootMs = defaultBootMs, signal } = spec;
  await withLock(
    join(state, 'boot.lock'),
    async () => {
      signal?.throwIfAborted();
      const heartbeat = await awaitHeartbeat(transport, cid);
      const { promise: given, reject } = Promise.withResolvers<never>();
      const giveUp = (): void => reject(signal?.reason);
      signal?.addEventListener('abort', giveUp, { once: true });
      // The signal may have come while the port was being opened.
      if (signal?.aborted === true) giveUp();
      let timer: NodeJS.Timeout | undefined;
      const late = new Promise<never>((_, refuse) => {
        timer = setTimeout(() => refuse(new BootError(name, { lateMs: bootMs }, console.tail())), bootMs);
      });
      const died = ended.then((end) => {
        throw new BootError(name, { end }, console.tail());
      });
      // Only the first outcome counts, even where several come while the enclave is still being started.
      const outcome = Promise.race([heartbeat.heard, late, died, given]);
      for (const one of [given, died, late, outcome]) one.catch(() => {});
      try {
        spec.onBoot?.(console);
        await run();
        await outcome;
      } finally {
        clearTimeout(timer);
        signal?.removeEventListener('abort', giveUp);
        await heartbeat.close();
      }
    },
    { timeoutMs: lockMs, signal },
  );
}

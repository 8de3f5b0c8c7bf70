// The events of one enclave as they happen, from one shim after the other: a shim that is killed takes its ring with it, and what it wrote before that
// stands in its file.
import { setTimeout as pause } from 'node:timers/promises';
import { enclaveFolder } from '@caisson/host/record';
import type { ShimEvent } from '@caisson/host/shim';
import type { EnclaveSource } from './enclave-source.ts';
import { readKeptEvents } from './kept-events.ts';

export interface HearOptions {
  /** Unix milliseconds. */
  readonly sinceMs: number;
  readonly signal: AbortSignal;
  /** Called with events; the same event may come several times. */
  readonly show: (event: ShimEvent) => void;
}

/** Listens until the shim ends; returns at once where there is none. Never rejects. */
export async function hearShim(source: EnclaveSource, name: string, options: HearOptions): Promise<void> {
  const { sinceMs, signal, show } = options;
  const shim = await source.openShim(name).catch(() => undefined);
  if (shim === undefined) return;
  try {
    // A shim may have come and gone between two looks; its events are in its file.
    await showKept(source, name, options);
    for await (const event of shim.events({ sinceMs, follow: true, signal })) show(event);
  } catch {
    // The connection broke because the shim died, or the signal came.
  } finally {
    await shim.close().catch(() => {});
    if (!signal.aborted) await showKept(source, name, options);
  }
}

/** Listens to one shim after the other until the signal is aborted. Once `isOver` is true, no further one. Never rejects. */
export async function hearShims(
  source: EnclaveSource,
  name: string,
  options: HearOptions & { readonly lookMs: number; readonly isOver: () => boolean },
): Promise<void> {
  const { signal, lookMs, isOver } = options;
  while (!signal.aborted) {
    await hearShim(source, name, options);
    if (isOver()) return await showKept(source, name, options);
    await pause(lookMs, undefined, { signal }).catch(() => {});
  }
}

async function showKept(source: EnclaveSource, name: string, { sinceMs, show }: HearOptions): Promise<void> {
  const { events } = enclaveFolder(source.state, name);
  for (const event of await readKeptEvents(events, sinceMs).catch(() => [])) show(event);
}

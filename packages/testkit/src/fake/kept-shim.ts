// A shim in this process, over a backend whose enclaves are scripts: what it was asked through its own socket, and what it has told.
import assert from 'node:assert/strict';
import { type RecordedSpec, type RecordedState, writeSpec } from '@caisson/host/record';
import { openShim, type RunShimOptions, runShim, type ShimClient, type ShimEvent } from '@caisson/host/shim';
import { createLinuxKernel } from '@caisson/sys';
import { createFakeBackend, type FakeBackend, type FakeBackendOptions } from './backend.ts';
import { fakeSpec } from './enclave-record.ts';

export interface KeptShim {
  readonly name: string;
  readonly backend: FakeBackend;
  readonly client: ShimClient;
  readonly stop: AbortController;
  readonly over: Promise<RecordedState>;
  readonly events: ShimEvent[];
  /** Resolves with the first event that `is`, also of the past. */
  until(is: (event: ShimEvent) => boolean): Promise<ShimEvent>;
  phase(name: string): Promise<ShimEvent>;
}

export type KeepTerms = readonly [
  changes?: Partial<RecordedSpec>,
  backend?: Partial<FakeBackendOptions>,
  shim?: Partial<RunShimOptions>,
];

/** In the state folder `state`; an enclave `web` without ways in, where `changes` say nothing else. */
export async function keepShim(state: string, ...terms: KeepTerms): Promise<KeptShim> {
  const [changes = {}, backendOptions = {}, options = {}] = terms;
  const spec = fakeSpec('web', { ingress: [], ...changes });
  const { name } = spec;
  await writeSpec(state, spec);
  const backend = createFakeBackend({ folder: state, ...backendOptions });
  const stop = new AbortController();
  const up = Promise.withResolvers<void>();
  const over = runShim({
    state,
    name,
    version: '0.1.0',
    kernel: createLinuxKernel(),
    openBackend: () => backend,
    stop: stop.signal,
    onUp: up.resolve,
    ...options,
  });
  await Promise.race([up.promise, over]);
  const client = await openShim(state, name);
  assert.ok(client !== undefined);
  const events: ShimEvent[] = [];
  const waiting = new Set<() => void>();
  void (async () => {
    for await (const event of client.events({ follow: true })) {
      events.push(event);
      for (const look of waiting) look();
    }
  })().catch(() => {});
  const until = (is: (event: ShimEvent) => boolean): Promise<ShimEvent> =>
    new Promise((resolve) => {
      const look = (): void => {
        const found = events.find(is);
        if (found === undefined) return;
        waiting.delete(look);
        resolve(found);
      };
      waiting.add(look);
      look();
    });
  const phase = (wanted: string): Promise<ShimEvent> => until(({ fields }) => fields['phase'] === wanted);
  return { name, backend, client, stop, over, events, until, phase };
}

/** For the end of a test, whatever came of it. */
export async function endShims(kept: readonly KeptShim[]): Promise<void> {
  for (const { stop, over } of kept) {
    stop.abort();
    await over.catch(() => {});
  }
}

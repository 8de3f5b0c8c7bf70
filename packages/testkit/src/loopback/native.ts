// The native engine with the limits that most tests do not care about.
import { join } from 'node:path';
import {
  createLinuxKernel,
  type NativeAddress,
  type NativeEngine,
  type NativeEngineOptions,
  type NativeListener,
  type NativeListenOptions,
} from '@caisson/sys';
import { type Cleaner, makeFolder } from './surroundings.ts';

/** False where the addon was not built. */
export const hasEngine = (): boolean => createLinuxKernel().hasAddon;

/** Closed when the test ends. */
export function openEngine(cleaner: Cleaner, options: NativeEngineOptions = {}): NativeEngine {
  const engine = createLinuxKernel().createEngine(options);
  cleaner.after(() => engine.close());
  return engine;
}

/** Listens on a free port of 127.0.0.1, or on a socket file of its own, in an engine of its own unless one is given. */
export function openListener(
  cleaner: Cleaner,
  kind: 'tcp' | 'unix',
  options: Partial<NativeListenOptions>,
  engine: NativeEngine = openEngine(cleaner),
): NativeListener {
  const address: NativeAddress =
    kind === 'tcp'
      ? { kind: 'tcp', address: '127.0.0.1', port: 0 }
      : { kind: 'unix', path: join(makeFolder(cleaner), 'near.sock') };
  return engine.listen({ address, maxConnections: 4096, idleTimeoutMs: 60_000, dialTimeoutMs: 5_000, ...options });
}

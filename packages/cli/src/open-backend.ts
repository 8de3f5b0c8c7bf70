// The backends of this machine by their names, with what the environment says of them. Each is loaded only when it is meant: a shim has one.
import type { Backend, BackendKind } from '@caisson/host/backend';
import type { Kernel } from '@caisson/sys';

export interface OpenBackendOptions {
  /** The state folder. */
  readonly state: string;
  readonly env: Readonly<Record<string, string | undefined>>;
  readonly kernel: Kernel;
}

/** Throws what opening the transport of CAISSON_VSOCK throws (nitro). */
export async function openBackend(kind: BackendKind, { state, env, kernel }: OpenBackendOptions): Promise<Backend> {
  if (kind === 'sim') {
    return (await import('@caisson/host/backend-sim')).createSimBackend({ state, wish: set(env['CAISSON_SIM']) });
  }
  if (kind === 'qemu') {
    const { createQemuBackend } = await import('@caisson/host/backend-qemu');
    return createQemuBackend({ state, folder: set(env['CAISSON_QEMU']) });
  }
  const { createNitroBackend } = await import('@caisson/host/backend-nitro');
  const { openTransportFromEnvironment } = await import('@caisson/link/transport');
  const [root, vsock] = [set(env['CAISSON_NITRO_ROOT']), set(env['CAISSON_VSOCK'])];
  return createNitroBackend({
    state,
    path: env['PATH'],
    transport: openTransportFromEnvironment(env, kernel),
    ...(vsock === undefined ? {} : { vsock }),
    ...(root === undefined ? {} : { root }),
  });
}

/** An empty variable counts as not set. */
function set(value: string | undefined): string | undefined {
  return value === '' ? undefined : value;
}

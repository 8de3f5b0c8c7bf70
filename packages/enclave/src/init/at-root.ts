// What an image measures, with its paths where they are: an enclave's root is `/`, and of a simulation without one a folder (docs/simulation.md).
// Only what the supervisor itself opens; what a service is told stays as the image has it, and PID 1 leads it there.
import type { MeasuredService } from '@caisson/core/measured';
import type { Measured } from './read-measured.ts';

/** `root`: without a slash at its end; empty for `/`. */
export function measuredAtRoot(measured: Measured, root: string): Measured {
  const { init, operators, services } = measured;
  const { controlSocket, logDir } = init;
  return {
    ...measured,
    init: {
      ...init,
      logDir: `${root}${logDir}`,
      controlSocket: controlSocket === null ? null : `${root}${controlSocket}`,
    },
    services: servicesAtRoot(services, root),
    operators,
  };
}

export function servicesAtRoot(services: readonly MeasuredService[], root: string): readonly MeasuredService[] {
  if (root === '') return services;
  return services.map((service) =>
    service.ready.kind === 'file'
      ? { ...service, ready: { ...service.ready, path: `${root}${service.ready.path}` } }
      : service,
  );
}

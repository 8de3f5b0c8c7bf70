// `ready` of caisson.yaml, which is about the image's own program: the service `app` gets it. Where a file app.service says by itself how it is
// ready, one of the two would be lost without a word, so that is a fault.
import { type MeasuredService, type Readiness, SERVICE_LIMITS } from '@caisson/core/measured';
import { APPLICATION_SERVICE } from './built-in.ts';
import type { PlacedService } from './check-link.ts';
import { IMAGE_ITSELF, type ServiceFault } from './fault.ts';
import { draftService } from './key-rule.ts';

/** Plain JSON: it stands in manifests. */
export interface ApplicationReady {
  readonly readiness: Readiness;
  /** null: what a service file without ReadyTimeoutSec means. */
  readonly timeoutMs: number | null;
}

export const MOST_READY_MS: number = SERVICE_LIMITS.mostMs;

/** `isUnread`: the file of `app` has faults of its own, which are told. */
export function giveReady(
  placed: readonly PlacedService[],
  { readiness, timeoutMs }: ApplicationReady,
  isUnread: boolean,
): { readonly placed: readonly PlacedService[]; readonly faults: readonly ServiceFault[] } {
  const faults: ServiceFault[] = [];
  const given = placed.map((one): PlacedService => {
    const { service, file, placeOf } = one;
    if (service.name !== APPLICATION_SERVICE || service.builtIn) return one;
    const key = ownKeyOf(service, timeoutMs);
    if (key !== undefined) {
      const message = `${key} of app must not stand beside ready of caisson.yaml, which says the same, got both`;
      faults.push({ level: 'fault', file, ...placeOf(key), message, hint: 'take one of them away' });
    }
    return {
      ...one,
      service: { ...service, ready: readiness, ...(timeoutMs !== null && { readyTimeoutMs: timeoutMs }) },
    };
  });
  const isThere = isUnread || placed.some(({ service }) => service.name === APPLICATION_SERVICE);
  if (!isThere) {
    const message = 'ready of caisson.yaml must be about the command of the image, got an image without one';
    const hint = 'a service says in its own file how it is ready';
    faults.push({ level: 'fault', file: IMAGE_ITSELF, line: 1, column: 1, message, hint });
  }
  return { placed: given, faults };
}

function ownKeyOf({ ready, readyTimeoutMs }: MeasuredService, timeoutMs: number | null): string | undefined {
  if (ready.kind !== 'fork') return keyNames[ready.kind];
  const standard = draftService(APPLICATION_SERVICE, true).readyTimeoutMs;
  return timeoutMs !== null && readyTimeoutMs !== standard ? 'ReadyTimeoutSec' : undefined;
}

const keyNames: Readonly<Record<Exclude<Readiness['kind'], 'fork'>, string>> = {
  notify: 'ReadyNotify',
  port: 'ReadyPort',
  http: 'ReadyHttp',
  file: 'ReadyFile',
  action: 'ReadyAction',
};

// `ready` of caisson.yaml as the builder gives it to the service of the image's command.
import { parseDuration } from '@caisson/core/config';
import { CaissonError } from '@caisson/core/errors';
import type { Readiness } from '@caisson/core/measured';
import { type ApplicationReady, MOST_READY_MS } from '../service/index.ts';
import type { ComposeErrorCode } from './error-code.ts';
import type { EnclaveSpec } from './schema.ts';

type ReadySpec = NonNullable<EnclaveSpec['ready']>;

/** null: nothing for the image. A deadline alone is the host's. Throws CaissonError COMPOSE_INPUT. */
export function readReady(ready: ReadySpec | undefined): ApplicationReady | null {
  if (ready === undefined) return null;
  const timeoutMs = ready.timeout === undefined ? null : Math.round(parseDuration(ready.timeout, 'ready.timeout'));
  if (timeoutMs !== null && !(timeoutMs >= 1 && timeoutMs <= MOST_READY_MS)) {
    const message = `ready.timeout must be in 1ms..${MOST_READY_MS / 1_000}s, got ${ready.timeout}`;
    throw new CaissonError<ComposeErrorCode>('COMPOSE_INPUT', message);
  }
  const readiness = readinessOf(ready);
  return readiness === null ? null : { readiness, timeoutMs };
}

function readinessOf(ready: ReadySpec): Readiness | null {
  if ('tcp' in ready) return { kind: 'port', port: ready.tcp };
  if ('notify' in ready) return { kind: 'notify' };
  if ('action' in ready) {
    const [transport, port] = ready.action.split(':');
    return { kind: 'action', transport: transport as 'vsock' | 'tcp', port: Number(port) };
  }
  if (!('http' in ready)) return null;
  if (typeof ready.http === 'number') return { kind: 'http', port: ready.http, path: '/' };
  // Not by URL, which would write the path anew.
  const [, port, path = '/'] = /^http:\/\/127\.0\.0\.1:([0-9]+)(\/.*)$/.exec(ready.http) ?? [];
  return { kind: 'http', port: Number(port), path };
}

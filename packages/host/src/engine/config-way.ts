// The ways that the boot config of an enclave adds to those of its image: found before anything is started, so that the record says them and a fault
// costs no boot.
import { CaissonError } from '@caisson/core/errors';
import { keptHttpAddress } from '../argonaut/http-address.ts';
import { type ConfigWays, readConfigWays } from '../argonaut/index.ts';
import type { IngressRule } from '../compose/index.ts';
import type { RecordedSpec } from '../record/index.ts';
import type { EngineErrorCode } from './error-code.ts';
import type { ImageFacts } from './image-facts.ts';

export type FoundWays = Pick<RecordedSpec, 'ingress' | 'endpoints'> & Pick<ConfigWays, 'warnings'>;

export interface FindWaysOptions {
  readonly name: string;
  readonly facts: { readonly terms: Pick<NonNullable<ImageFacts['terms']>, 'takesEndpoints'> | null };
  /** As it is sent; undefined: none. */
  readonly config: Uint8Array | undefined;
  /** Of caisson.yaml: where both want one port of the host, both must mean one way. */
  readonly ingress: readonly IngressRule[];
  readonly env: Readonly<Record<string, string | undefined>>;
}

/** All ways in, and the ways out of the config. Throws CaissonError ENGINE_CONFIG. */
export function findWays({ name, facts, config, ingress, env }: FindWaysOptions): FoundWays {
  if (config === undefined) return { ingress, warnings: [] };
  const { endpoints, http, warnings } = read(name, config, facts);
  return {
    ingress: http === null ? ingress : withHttp(name, ingress, http, env),
    ...(endpoints.length > 0 && {
      endpoints: endpoints.map(({ host, tcpPort, vsockPort }) => ({ host, port: tcpPort, vsockPort })),
    }),
    warnings,
  };
}

/** `sui.io:443 by vsock port 8100`; undefined where there are none. */
export function endpointsText(endpoints: RecordedSpec['endpoints']): string | undefined {
  if (endpoints === undefined || endpoints.length === 0) return undefined;
  return endpoints.map(({ host, port, vsockPort }) => `${host}:${port} by vsock port ${vsockPort}`).join(', ');
}

function read(name: string, config: Uint8Array, { terms }: FindWaysOptions['facts']): ConfigWays {
  try {
    return readConfigWays(config, { takesEndpoints: terms?.takesEndpoints ?? false });
  } catch (cause) {
    if (!(cause instanceof CaissonError)) throw cause;
    throw fault(`boot config of enclave ${name}: ${cause.message}`, cause.hint, cause);
  }
}

function withHttp(
  name: string,
  ingress: readonly IngressRule[],
  { hostPort, vsockPort, targetPort: port }: NonNullable<ConfigWays['http']>,
  env: FindWaysOptions['env'],
): readonly IngressRule[] {
  const there = ingress.find((rule) => rule.hostPort === hostPort);
  if (there?.vsockPort === vsockPort) return ingress;
  if (there !== undefined) {
    throw fault(
      `httpPort ${hostPort} in the boot config of enclave ${name} must lead where ingress leads, to vsock port ${there.vsockPort}, got ${vsockPort}`,
      'give ingress another port of the host, or drop it there',
    );
  }
  return [...ingress, { hostAddress: keptHttpAddress(env), hostPort, port, vsockPort, holdMs: 0 }];
}

function fault(message: string, hint?: string, cause?: unknown): CaissonError<EngineErrorCode> {
  return new CaissonError('ENGINE_CONFIG', message, { ...(hint !== undefined && { hint }), cause });
}

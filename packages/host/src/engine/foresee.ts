// What would fail for certain once everything is built, looked at before anything is: a backend that is not here, a port that somebody has, an
// image that ends itself where it is to run. A build takes minutes, and what it ends with should not have been known before.
import { PolicyError } from '@caisson/core/errors';
import { type BackendKind, unavailable } from '../backend/index.ts';
import { type EnclaveSpec, isSameListener, type NamedConfig, readIngressRule } from '../compose/index.ts';
import { ENDED_PHASES, listRecords, readSpec, readState } from '../record/index.ts';
import { holdsVsockPort, vsockPortFault } from '../shim/vsock-holder.ts';
import { type FoundWays, findWays } from './config-way.ts';
import type { EngineContext } from './context.ts';
import type { EngineErrorCode } from './error-code.ts';

export interface ForeseenEnclave {
  readonly name: string;
  readonly backend: BackendKind;
  readonly spec: EnclaveSpec;
  /** Undefined: none, or none that can be read. */
  readonly config: NamedConfig | undefined;
}

/** Throws PolicyError ENGINE_PROFILE, CaissonError ENGINE_CONFIG, BACKEND_UNAVAILABLE or SHIM_PORT. */
export async function foresee(enclaves: readonly ForeseenEnclave[], context: EngineContext): Promise<void> {
  for (const { name, backend, spec } of enclaves) {
    const isSource = typeof spec.image !== 'object' || spec.image.eif === undefined;
    requireProfile({ name, backend, debug: spec.debug ?? false, profile: isSource ? spec.profile : undefined });
  }
  const foreseen = enclaves.map((one) => ({ ...one, ...waysOf(one, context.env) }));
  await requireVsockPorts(foreseen, context);
  const { host } = context;
  if (host === undefined) return;
  const running = await runningOf(enclaves, context);
  const asleep = enclaves.filter(({ name }) => !running.has(name));
  for (const backend of new Set(asleep.map((one) => one.backend))) {
    // Loading it takes as long as finding by the start that it lacks something: that is worth it before a build alone.
    if (backend !== 'sim') await requireBackend(backend, context);
  }
  // What these enclaves have themselves is theirs, also where it changes hands.
  const own = [...running.values()].flatMap((spec) => spec?.ingress ?? []);
  for (const { name, ingress } of foreseen) {
    for (const rule of ingress) {
      if (rule.hostPort !== 0 && !own.some((other) => isSameListener(other, rule))) await host.requirePort(name, rule);
    }
  }
}

/** Throws CaissonError BACKEND_UNAVAILABLE. */
export async function requireBackend(backend: BackendKind, { host }: Pick<EngineContext, 'host'>): Promise<void> {
  const missing = (await host?.findMissing(backend)) ?? [];
  if (missing.length > 0) throw unavailable(backend, missing);
}

/** Throws PolicyError ENGINE_PROFILE for an image that hardware will not run (docs/nitro.md). */
export function requireProfile({
  name,
  backend,
  debug,
  profile,
}: {
  readonly name: string;
  readonly backend: BackendKind;
  readonly debug: boolean;
  /** Undefined: not known yet. */
  readonly profile: 'development' | 'production' | undefined;
}): void {
  // In debug mode PCR0 is zeros, and its documents are taken by nobody.
  if (backend !== 'nitro' || debug || profile !== 'development') return;
  throw new PolicyError<EngineErrorCode>(
    'ENGINE_PROFILE',
    `enclave ${name} must be of profile production for the backend nitro, got development: on hardware such an image ends itself at its boot`,
    {
      hint: 'profile: production makes one for hardware; debug: true starts this one with registers of zeros, which proves nothing; the backends sim and qemu run it as it is',
    },
  );
}

/** As far as they are known before the image is. */
function waysOf({ name, spec, config }: ForeseenEnclave, env: EngineContext['env']): FoundWays {
  const ingress = (spec.ingress ?? []).map(readIngressRule);
  const isBuilt = typeof spec.image === 'object' && spec.image.eif !== undefined;
  const facts = { terms: { takesEndpoints: config?.takesEndpoints ?? false } };
  // Where `ingress` leads in an image that is built says the image: it is compared with the config once that was read.
  const ways = findWays({ name, facts, config: config?.bytes, ingress: isBuilt ? [] : ingress, env });
  return isBuilt ? { ...ways, ingress: [...ingress, ...ways.ingress] } : ways;
}

/** Those of one file were compared when it was read; here with whatever runs besides. A machine of its own has its own ports. */
async function requireVsockPorts(
  enclaves: readonly (ForeseenEnclave & FoundWays)[],
  { state }: EngineContext,
): Promise<void> {
  if (enclaves.every(({ endpoints }) => endpoints === undefined)) return;
  const names = new Set(enclaves.map(({ name }) => name));
  const others = (await listRecords(state)).filter(({ name }) => !names.has(name));
  for (const { name, backend, endpoints = [] } of enclaves) {
    if (backend === 'qemu') continue;
    for (const { vsockPort } of endpoints) {
      const holder = others.find((one) => one.state?.backend === backend && holdsVsockPort(one, vsockPort));
      if (holder !== undefined) throw vsockPortFault(name, vsockPort, holder.name);
    }
  }
}

async function runningOf(enclaves: readonly ForeseenEnclave[], { state }: EngineContext) {
  const found = new Map<string, Awaited<ReturnType<typeof readSpec>>>();
  for (const { name } of enclaves) {
    const last = await readState(state, name).catch(() => undefined);
    if (last === undefined || ENDED_PHASES.includes(last.phase)) continue;
    found.set(name, await readSpec(state, name).catch(() => undefined));
  }
  return found;
}

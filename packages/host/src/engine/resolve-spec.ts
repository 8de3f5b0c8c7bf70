// Resolves what was asked for into the record that a shim starts from, today and after a reboot; nothing is left to be guessed later. The image's
// measured list of ways in and out counts; what is asked for beyond it is refused here, where otherwise the first connection would fail.
import { availableParallelism } from 'node:os';
import { resolve } from 'node:path';
import { parseDuration } from '@caisson/core/config';
import { CaissonError } from '@caisson/core/errors';
import type { BackendKind, CpuChoice } from '../backend/index.ts';
import {
  type EnclaveSpec,
  type IngressRule,
  readIngressRule,
  STANDARD_CPUS,
  standardMemory,
} from '../compose/index.ts';
import { type RecordedSpec, requireSpecForm } from '../record/index.ts';
import { findWays } from './config-way.ts';
import type { EngineErrorCode } from './error-code.ts';
import type { ImageFacts } from './image-facts.ts';

export interface ResolveSpecOptions {
  readonly name: string;
  readonly spec: EnclaveSpec;
  readonly facts: ImageFacts;
  readonly backend: BackendKind;
  readonly config: RecordedSpec['config'];
  /** The boot config as it will be sent: it may name further ways in and out. */
  readonly configBytes: Uint8Array | undefined;
  readonly env: Readonly<Record<string, string | undefined>>;
  /** Overrides the file's `ready.timeout`. */
  readonly timeoutMs: number | undefined;
  readonly composeFile: string | null;
  /** Base of relative paths. */
  readonly folder: string;
  readonly now: Date;
}

// Chosen.
const standardReadyMs: Readonly<Record<BackendKind, number>> = { sim: 60_000, qemu: 180_000, nitro: 180_000 };

export interface ResolvedSpec {
  readonly recorded: RecordedSpec;
  /** What a person should know about it, one sentence each. */
  readonly warnings: readonly string[];
}

/**
 * Throws CaissonError ENGINE_IMAGE where the image does not have what is asked for, ENGINE_CONFIG for ways of the boot config that are not
 * possible, ParseError RECORD_FORM for what fits no record.
 */
export function resolveSpec(options: ResolveSpecOptions): ResolvedSpec {
  const { name, spec, facts, backend, config, configBytes, env, timeoutMs, composeFile, folder, now } = options;
  const { resources = {}, ready, cid, logs, operators } = spec;
  const readyMs = ready?.timeout === undefined ? undefined : Math.round(parseDuration(ready.timeout, 'ready.timeout'));
  const asked = ingressOf(name, spec, facts);
  const { warnings, ...ways } = findWays({ name, facts, config: configBytes, ingress: asked, env });
  const recorded: RecordedSpec = {
    v: 1,
    name,
    image: facts.path,
    measurements: facts.measurements,
    profile: facts.profile,
    backend,
    ...(cid !== undefined && { cid }),
    memoryMiB: resources.memoryMiB ?? standardMemory(facts.bytes),
    cpus:
      resources.cpu_ids === undefined ? { count: resources.cpus ?? defaultCpus(backend) } : { ids: resources.cpu_ids },
    debug: spec.debug ?? false,
    ...ways,
    egress: egressOf(name, spec, facts),
    ...(config !== undefined && { config }),
    restart: spec.restart ?? 'no',
    readyTimeoutMs: timeoutMs ?? readyMs ?? standardReadyMs[backend],
    hasReadyLine: facts.hasReadyLine,
    hasControl: facts.hasControl,
    ...(operators?.local !== undefined && { operator: operators.local }),
    ...(logs?.level !== undefined && { logLevel: logs.level }),
    ...(logs?.file !== undefined && { logFile: resolve(folder, logs.file) }),
    dependsOn: spec.depends_on ?? [],
    labels: Object.fromEntries(Object.entries(spec.labels ?? {}).map(([key, value]) => [key, String(value)])),
    composeFile,
    createdAt: now.toISOString(),
  };
  // Not only when it is written: what runs would have been ended for it by then.
  requireSpecForm(recorded);
  return { recorded, warnings };
}

function defaultCpus(backend: BackendKind): number {
  // A simulation uses all processors of this machine, whatever was asked for. Nitro gives whole cores, and a virtual machine has no more processors
  // than its host.
  if (backend === 'sim') return availableParallelism();
  return backend === 'nitro' ? STANDARD_CPUS : Math.min(STANDARD_CPUS, availableParallelism());
}

function ingressOf(name: string, { ingress = [] }: EnclaveSpec, { terms, path }: ImageFacts): IngressRule[] {
  return ingress.map((one) => {
    const rule = readIngressRule(one);
    if (terms === null) return rule;
    const inside = terms.ingress.find(({ targetPort }) => targetPort === rule.port);
    if (inside !== undefined) return { ...rule, vsockPort: inside.vsockPort };
    const ports = terms.ingress.map(({ targetPort }) => targetPort).join(', ');
    throw fault(
      `image ${path} of enclave ${name} must let connections in to port ${rule.port}, got ${ports || 'no ingress'}`,
      'ways in are measured: list the port under ingress and build the image again',
    );
  });
}

function egressOf(name: string, { egress }: EnclaveSpec, { terms, path }: ImageFacts): RecordedSpec['egress'] {
  const asked = egress?.map((one) => {
    if (typeof one === 'object') return { host: one.host, port: one.port };
    const at = one.lastIndexOf(':');
    return { host: one.slice(0, at), port: Number(one.slice(at + 1)) };
  });
  if (terms === null) return asked ?? [];
  // The n-th way out has the n-th port on the host (docs/wire/addresses.md), so another order would be other destinations.
  const measured = terms.egress.map(({ host, port }) => ({ host, port }));
  const text = (list: RecordedSpec['egress']): string => list.map(({ host, port }) => `${host}:${port}`).join(', ');
  if (asked === undefined || text(asked) === text(measured)) return measured;
  throw fault(
    `egress of enclave ${name} must be that of image ${path}, in its order: ${text(measured) || 'none'}; got ${text(asked)}`,
    'destinations are measured: drop egress beside a built image, or build it again',
  );
}

function fault(message: string, hint: string): CaissonError<EngineErrorCode> {
  return new CaissonError('ENGINE_IMAGE', message, { hint });
}

/** `127.0.0.1:8080 -> 3000`. */
export function ingressText({ hostAddress, hostPort, port }: IngressRule): string {
  const address = hostAddress.includes(':') ? `[${hostAddress}]` : hostAddress;
  return `${address}:${hostPort} -> ${port}`;
}

export function cpusText(cpus: CpuChoice): string {
  return 'count' in cpus ? String(cpus.count) : `ids ${cpus.ids.join(',')}`;
}

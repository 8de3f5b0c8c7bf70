// From the flags of `caisson run` to what the engine is asked for.
import { FIRST_ENCLAVE_CID, LAST_ENCLAVE_CID, NAME_FORM, NAME_RULE } from '@caisson/core/address';
import type { RunCommand } from '@caisson/host/engine';
import { UsageError } from './exit-code.ts';

export interface RunFlags {
  readonly name?: string;
  readonly backend: RunCommand['backend'];
  readonly cpus?: string;
  readonly cpuIds?: string;
  readonly memory?: string;
  readonly cid?: string;
  readonly debug?: true;
  readonly publish?: readonly string[];
  readonly egress?: readonly string[];
  readonly config?: string;
  readonly restart: RunCommand['restart'];
  readonly label?: readonly string[];
  readonly profile?: 'development' | 'production';
  readonly operator?: string;
}

// Given: docs/caisson-yaml.md.
const publishForm = /^((([A-Za-z0-9._-]+|\[[0-9a-fA-F:]+\]):)?[0-9]{1,5}:)?[0-9]{1,5}$/;
const egressForm = /^[A-Za-z0-9._-]{1,253}:[0-9]{1,5}$/;

/** Throws UsageError. */
export function runCommandOf(
  image: string,
  words: readonly string[],
  flags: RunFlags,
  timeoutMs: number | undefined,
  detach: boolean,
): RunCommand {
  const {
    name,
    backend,
    cpus,
    cpuIds,
    memory,
    cid,
    publish = [],
    egress = [],
    config,
    restart,
    profile,
    operator,
  } = flags;
  if (name !== undefined && !NAME_FORM.test(name)) {
    throw new UsageError(`--name must be ${NAME_RULE}, got ${JSON.stringify(name)}`);
  }
  if (cpus !== undefined && cpuIds !== undefined) throw new UsageError('give --cpus or --cpu-ids, not both');
  for (const one of publish) requirePorts('--publish', one, publishForm, '[[ADDRESS:]HOSTPORT:]PORT');
  for (const one of egress) requirePorts('--egress', one, egressForm, 'HOST:PORT');
  return {
    verb: 'run',
    image,
    command: words,
    backend,
    debug: flags.debug === true,
    ingress: publish,
    egress,
    restart,
    detach,
    labels: Object.fromEntries((flags.label ?? []).map(parseLabel)),
    ...(name !== undefined && { name }),
    ...(profile !== undefined && { profile }),
    ...(operator !== undefined && { operator }),
    ...(cpus !== undefined && { cpus: { count: parseCount('--cpus', cpus, 1, 1_024) } }),
    ...(cpuIds !== undefined && { cpus: { ids: parseIds(cpuIds) } }),
    ...(memory !== undefined && { memoryMiB: parseCount('--memory', memory, 64, 2 ** 24) }),
    ...(cid !== undefined && { cid: parseCount('--cid', cid, FIRST_ENCLAVE_CID, LAST_ENCLAVE_CID) }),
    ...(config !== undefined && { config }),
    ...(timeoutMs !== undefined && { timeoutMs }),
  };
}

function parseCount(option: string, text: string, least: number, most: number): number {
  const value = /^[0-9]{1,9}$/.test(text) ? Number(text) : Number.NaN;
  if (value >= least && value <= most) return value;
  throw new UsageError(`${option} must be an integer in ${least}..${most}, got ${JSON.stringify(text)}`);
}

/** `1,3,4-6`. */
function parseIds(text: string): number[] {
  const ids = text.split(',').flatMap((part) => {
    const [, first, last = first] = /^([0-9]{1,4})(?:-([0-9]{1,4}))?$/.exec(part) ?? [];
    const [from, to] = [Number(first), Number(last)];
    if (first === undefined || to < from) {
      throw new UsageError(`--cpu-ids must be like 1,3,4-6, got ${JSON.stringify(text)}`);
    }
    return Array.from({ length: to - from + 1 }, (_, index) => from + index);
  });
  if (new Set(ids).size === ids.length) return ids;
  throw new UsageError(`--cpu-ids must name each once, got ${JSON.stringify(text)}`);
}

function requirePorts(option: string, text: string, form: RegExp, shape: string): void {
  const ports = text.replace(/^.*[a-zA-Z\].][^:]*:/, '').split(':');
  const isPort = (port: string): boolean => Number(port) >= 1 && Number(port) <= 65_535;
  if (form.test(text) && ports.every((port) => !/^[0-9]+$/.test(port) || isPort(port))) return;
  throw new UsageError(`${option} must be ${shape} with ports in 1..65535, got ${JSON.stringify(text)}`);
}

function parseLabel(text: string): [string, string] {
  const at = text.indexOf('=');
  if (at > 0) return [text.slice(0, at), text.slice(at + 1)];
  throw new UsageError(`--label must be NAME=VALUE, got ${JSON.stringify(text)}`);
}

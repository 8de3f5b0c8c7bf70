// The closed lists of the ready line as a reader takes them: a phase, a reason, a boot id, a service's name. What stands in no list is
// shown as unknown and never as it was written.
import { isJsonObject, JsonNumber, type JsonValue } from '@caisson/core/config';
import { isServiceName } from '@caisson/core/measured';
import { PHASES, type Phase, REASON_CODES, type ReadyReason, type ReasonCode } from './messages.ts';

/** A newer enclave may know reasons that this host does not. */
export type SeenReason = Omit<ReadyReason, 'code'> & { readonly code: ReasonCode | 'unknown' };

const bootIdForm = /^[0-9a-f]{32}$/;

// Given: Linux has signals 1 to 64, and the real-time ones end a process too.
const mostSignal = 64;

/** A name that a service file can have: neither a path nor anything that a terminal obeys. */
export function isNameOfService(value: unknown): value is string {
  return typeof value === 'string' && isServiceName(value);
}

export function isBootId(value: unknown): value is string {
  return typeof value === 'string' && bootIdForm.test(value);
}

export function readPhase(value: JsonValue | undefined): Phase | undefined {
  return PHASES.find((phase) => phase === value);
}

export function readCode(value: JsonValue | undefined): ReasonCode | 'unknown' {
  return REASON_CODES.find((code) => code === value) ?? 'unknown';
}

/** Of each entry what is in the lists; an entry that is no object is one unknown reason. */
export function readReasons(list: readonly JsonValue[]): readonly SeenReason[] {
  return list.map((entry) => {
    if (!isJsonObject(entry)) return { code: 'unknown' };
    const [service, exit, signal] = [entry.get('service'), entry.get('exit'), entry.get('signal')];
    return {
      code: readCode(entry.get('code')),
      ...(isNameOfService(service) ? { service } : {}),
      ...(isWithin(exit, 0, 255) ? { exit: Number(exit.literal) } : {}),
      ...(isWithin(signal, 1, mostSignal) ? { signal: Number(signal.literal) } : {}),
    };
  });
}

export function isWithin(value: JsonValue | undefined, least: number, most: number): value is JsonNumber {
  const number = value instanceof JsonNumber ? value.unsigned : undefined;
  return number !== undefined && number >= least && number <= most;
}

/** `service-exited app (exit 1)`. */
export function formatReason({ code, service, exit, signal }: SeenReason): string {
  const end = exit !== undefined ? ` (exit ${exit})` : signal !== undefined ? ` (signal ${signal})` : '';
  return `${code}${service === undefined ? '' : ` ${service}`}${end}`;
}

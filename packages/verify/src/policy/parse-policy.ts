// A policy in JSON, the form that is read everywhere. YAML is for people's files and read on the host (@caisson/host/policy).
import { isJsonArray, isJsonObject, JsonNumber, type JsonValue, parseStrictJson } from '@caisson/core/config';
import { type AttestationPolicy, checkPolicy } from './policy.ts';

// Chosen: a policy with all fields full of values is under 64 KiB.
export const MAX_POLICY_BYTES = 65_536;

/** Throws PolicyFaultError POLICY_FAULTS, or an error of the CONFIG room for what is no strict JSON. */
export function parsePolicy(bytes: Uint8Array): AttestationPolicy {
  return checkPolicy(plain(parseStrictJson(bytes, { maxBytes: MAX_POLICY_BYTES, maxDepth: 8 })));
}

function plain(value: JsonValue): unknown {
  if (value instanceof JsonNumber) return Number(value.literal);
  if (isJsonArray(value)) return value.map(plain);
  // fromEntries defines: `__proto__` becomes an own key, which the schema then refuses.
  return isJsonObject(value) ? Object.fromEntries([...value].map(([key, member]) => [key, plain(member)])) : value;
}

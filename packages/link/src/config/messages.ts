// The framed delivery of a boot config (docs/wire/boot-config.md): header and length on the way in, one framed JSON document on the way back.
// The reply is the receiver's word and, on the host, an enclave's: it is read as bounded, closed JSON all the same.
import { toUtf8 } from '@caisson/core/bytes';
import type { ConfigFault } from '@caisson/core/config';
import { isJsonArray, isJsonObject, type JsonValue, parseStrictJson } from '@caisson/core/config';
import { CaissonError, ParseError } from '@caisson/core/errors';
import type { DeliveryErrorCode } from './error-code.ts';

export { FRAMED_CONFIG_PORT, RAW_CONFIG_PORT } from '@caisson/core/address';

// Given: docs/wire/boot-config.md.
export const framedHeader = toUtf8('CSNCFG1\n');
export const framedPrefixBytes = framedHeader.length + 4;

// Chosen: 64 faults of a kilobyte.
export const maxReplyBytes = 65_536;
const maxFaults = 64;
const maxFaultCharacters = 400;

export type ConfigReply =
  /** Taken and fixed in PCR16; `sha384` is hex of the bytes as they were received. */
  { readonly ok: true; readonly sha384: string } | { readonly ok: false; readonly faults: readonly ConfigFault[] };

/** Header, length and bytes in one array. */
export function encodeFramedConfig(bytes: Uint8Array): Uint8Array<ArrayBuffer> {
  const frame = new Uint8Array(framedPrefixBytes + bytes.length);
  frame.set(framedHeader);
  new DataView(frame.buffer).setUint32(framedHeader.length, bytes.length);
  frame.set(bytes, framedPrefixBytes);
  return frame;
}

/** The JSON of a reply, without its length; what is long is cut, so that it always fits. */
export function encodeConfigReply(reply: ConfigReply): Uint8Array<ArrayBuffer> {
  if (reply.ok) return toUtf8(JSON.stringify({ ok: true, sha384: reply.sha384 }));
  const faults = reply.faults
    .slice(0, maxFaults)
    .map(({ path, message }) => ({ path: clip(path), message: clip(message) }));
  const bytes = toUtf8(JSON.stringify({ ok: false, faults }));
  // A character may take six bytes as JSON; then the first faults are worth more than none.
  return bytes.length <= maxReplyBytes
    ? bytes
    : encodeConfigReply({ ok: false, faults: faults.slice(0, maxFaults / 8) });
}

/** Throws ParseError DELIVERY_REPLY. */
export function parseConfigReply(bytes: Uint8Array): ConfigReply {
  let value: JsonValue;
  try {
    value = parseStrictJson(bytes, { maxBytes: maxReplyBytes, maxDepth: 3 });
  } catch (cause) {
    if (!(cause instanceof CaissonError)) throw cause;
    throw new ParseError<DeliveryErrorCode>('DELIVERY_REPLY', `reply to a framed config: ${cause.message}`, { cause });
  }
  const reply = readReply(value);
  if (reply !== undefined) return reply;
  const message = `reply to a framed config must be {"ok":true,"sha384"} or {"ok":false,"faults"}, got ${bytes.length} other bytes`;
  throw new ParseError<DeliveryErrorCode>('DELIVERY_REPLY', message);
}

function readReply(value: JsonValue): ConfigReply | undefined {
  if (!isJsonObject(value) || value.size !== 2) return undefined;
  const sha384 = value.get('sha384');
  if (value.get('ok') === true && typeof sha384 === 'string' && /^[0-9a-f]{96}$/.test(sha384))
    return { ok: true, sha384 };
  const list = value.get('faults');
  if (value.get('ok') !== false || !isJsonArray(list) || list.length > maxFaults) return undefined;
  const faults = list.map(readFault);
  return faults.includes(undefined) ? undefined : { ok: false, faults: faults as ConfigFault[] };
}

function readFault(value: JsonValue): ConfigFault | undefined {
  if (!isJsonObject(value) || value.size !== 2) return undefined;
  const [path, message] = [value.get('path'), value.get('message')];
  return typeof path === 'string' && typeof message === 'string' ? { path, message } : undefined;
}

function clip(text: string): string {
  return text.length <= maxFaultCharacters ? text : `${text.slice(0, maxFaultCharacters - 3)}...`;
}

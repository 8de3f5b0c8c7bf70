// What both ends say before the channel begins (docs/wire/control.md): HELLO, ATTEST, READY, and REFUSED in place of ATTEST or after it. Each is
// a frame of u32 BE length and CBOR inside TLS. A client's are bounded by what they can be, so a stranger holds no memory here.
import { type CborValue, decodeCbor, encodeCbor } from '@caisson/core/cbor';
import { ParseError } from '@caisson/core/errors';
import { encodeFrame } from '@caisson/core/frame';
import { MAX_NSM_RESPONSE_BYTES } from '@caisson/core/nitro';
import { CONTROL_REFUSALS, type ControlErrorCode, type ControlRefusal } from './error-code.ts';

export { CONTROL_PORT } from '@caisson/core/address';

// Given: docs/wire/control.md.
export const CONTROL_ALPN = 'caisson-control/1';
export const EXPORTER_LABEL = 'EXPERIMENTAL-caisson-control/1';
export const NONCE_BYTES = 32;
export const MAX_CLIENT_MESSAGE_BYTES = 64;
export const MAX_SERVER_MESSAGE_BYTES = MAX_NSM_RESPONSE_BYTES + 64;

export type ControlMessage =
  | { readonly kind: 'hello'; readonly nonce: Uint8Array }
  | { readonly kind: 'attest'; readonly document: Uint8Array }
  | { readonly kind: 'ready' }
  | { readonly kind: 'refused'; readonly reason: ControlRefusal };

const kindNumber = { hello: 1, attest: 2, ready: 3, refused: 4 } as const;

/** With its length in front. */
export function encodeControlMessage(message: ControlMessage): Uint8Array<ArrayBuffer> {
  const fields: [number, CborValue][] = [[1, kindNumber[message.kind]]];
  if (message.kind === 'hello') fields.push([2, message.nonce]);
  if (message.kind === 'attest') fields.push([2, message.document]);
  if (message.kind === 'refused') fields.push([2, message.reason]);
  return encodeFrame(encodeCbor(new Map(fields)));
}

/** Without its length. Throws ParseError CONTROL_MESSAGE. */
export function parseControlMessage(bytes: Uint8Array): ControlMessage {
  let map: CborValue;
  try {
    map = decodeCbor(bytes, { maxBytes: MAX_SERVER_MESSAGE_BYTES, maxDepth: 2 });
  } catch (cause) {
    throw wrong('must be strict CBOR', { cause });
  }
  if (!(map instanceof Map)) throw wrong('must be a map');
  const [kind, body] = [map.get(1), map.get(2)];
  if (map.size !== (kind === kindNumber.ready ? 1 : 2))
    throw wrong(`of kind ${String(kind)} must have its fields alone`);
  switch (kind) {
    case kindNumber.hello:
      if (body instanceof Uint8Array && body.length === NONCE_BYTES) return { kind: 'hello', nonce: body };
      throw wrong(`hello must have a nonce of ${NONCE_BYTES} bytes`);
    case kindNumber.attest:
      if (body instanceof Uint8Array && body.length > 0) return { kind: 'attest', document: body };
      throw wrong('attest must have a document');
    case kindNumber.ready:
      return { kind: 'ready' };
    case kindNumber.refused: {
      const reason = CONTROL_REFUSALS.find((one) => one === body);
      if (reason !== undefined) return { kind: 'refused', reason };
      throw wrong('refused must have a reason of the list');
    }
    default:
      throw wrong(`must be of kind 1 to 4, got ${typeof kind === 'number' ? kind : typeof kind}`);
  }
}

function wrong(rule: string, options: { readonly cause?: unknown } = {}): ParseError<ControlErrorCode> {
  return new ParseError('CONTROL_MESSAGE', `control message ${rule}`, options);
}

// An operator's signature over one act (docs/control.md): this verb with these arguments, on this boot of this enclave, until then. A session that
// was stolen while it was open cannot make one, and where an image measures a threshold several operators must have made one.
import { equalBytes, toHex } from '@caisson/core/bytes';
import { type CborValue, decodeCbor, encodeCbor } from '@caisson/core/cbor';
import { COSE_ALGORITHM, parseCoseSign1, signCoseSign1Ed25519, verifyCoseSign1Ed25519 } from '@caisson/core/cose';
import { CaissonError, PolicyError } from '@caisson/core/errors';
import { isSpkiOf } from '@caisson/core/measured';
import type { ControlErrorCode } from './error-code.ts';
import { type ControlIdentity, sha256 } from './identity.ts';
import { type ControlVerb, isControlVerb } from './verb.ts';

/** What is approved. */
export interface Approval {
  /** 16 bytes, of this boot and no other. */
  readonly bootId: Uint8Array;
  /** 32 bytes: the enclave's key of this boot. */
  readonly serverKeySha256: Uint8Array;
  /** 16 random bytes; an act is done once. */
  readonly actId: Uint8Array;
  readonly verb: ControlVerb;
  /** 32 bytes, of what is asked: `hashAct`. */
  readonly actSha256: Uint8Array;
  /** Unix seconds, by the enclave's clock; at most a day ahead. */
  readonly notAfter: number;
}

/** An approval with its signer's key, whose hash says who he is. */
export interface SignedApproval {
  readonly spki: Uint8Array;
  readonly message: Uint8Array;
}

// Given: docs/wire/control.md.
const purpose = 'caisson-approval/1';
const maxMessageBytes = 512;
export const MAX_APPROVAL_SECONDS = 86_400;

/** The act of a request: its type and its first payload. */
export function hashAct(type: number, payload: Uint8Array): Uint8Array<ArrayBuffer> {
  return sha256(Buffer.concat([Uint8Array.of(type), payload]));
}

export async function signApproval(approval: Approval, identity: ControlIdentity): Promise<SignedApproval> {
  const payload = encodeCbor(
    new Map<number, CborValue>([
      [1, purpose],
      [2, approval.bootId],
      [3, approval.serverKeySha256],
      [4, approval.actId],
      [5, approval.verb],
      [6, approval.actSha256],
      [7, approval.notAfter],
    ]),
  );
  const key = identity.privateKey.toCryptoKey('Ed25519', false, ['sign']);
  const message = await signCoseSign1Ed25519(payload, key, sha256(identity.spki));
  return { spki: identity.spki, message };
}

/** The approval and the hex hash of who signed. Rejects with PolicyError CONTROL_APPROVAL. */
export async function verifyApproval({ spki, message }: SignedApproval): Promise<Approval & { readonly by: string }> {
  try {
    if (!isSpkiOf('Ed25519', spki)) throw refusal('its signer must have an Ed25519 key');
    const cose = parseCoseSign1(message, {
      algorithm: COSE_ALGORITHM.edDsa,
      signatureBytes: 64,
      keyIdBytes: 32,
      maxPayloadBytes: maxMessageBytes,
      maxBytes: maxMessageBytes,
    });
    const hash = sha256(spki);
    if (!equalBytes(cose.keyId!, hash)) throw refusal('it must name the key that signed it');
    await verifyCoseSign1Ed25519(cose, spki);
    return { ...readPayload(cose.payload), by: toHex(hash) };
  } catch (cause) {
    if (cause instanceof PolicyError) throw cause;
    if (!(cause instanceof CaissonError)) throw cause;
    throw refusal(cause.message, { cause });
  }
}

function readPayload(payload: Uint8Array): Approval {
  const map = decodeCbor(payload, { maxBytes: maxMessageBytes, maxDepth: 2 });
  if (!(map instanceof Map) || map.size !== 7 || map.get(1) !== purpose) throw refusal(`it must be a ${purpose}`);
  const bytes = (key: number, length: number): Uint8Array => {
    const value = map.get(key);
    if (value instanceof Uint8Array && value.length === length) return value;
    throw refusal(`its field ${key} must have ${length} bytes`);
  };
  const [verb, notAfter] = [map.get(5), map.get(7)];
  if (typeof verb !== 'string' || !isControlVerb(verb)) throw refusal('its verb must be one of the channel');
  if (typeof notAfter !== 'number' || notAfter < 0) throw refusal('its not-after must be a whole number');
  const [bootId, serverKeySha256, actId, actSha256] = [bytes(2, 16), bytes(3, 32), bytes(4, 16), bytes(6, 32)];
  return { bootId, serverKeySha256, actId, verb, actSha256, notAfter };
}

export function refusal(reason: string, options: { readonly cause?: unknown } = {}): PolicyError<ControlErrorCode> {
  return new PolicyError('CONTROL_APPROVAL', `approval cannot count: ${reason}`, options);
}

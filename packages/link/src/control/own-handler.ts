// The channel's own requests: who am I, prove yourself again, an approval, a newer list of operators.
import { type CborValue, decodeCbor, encodeCbor } from '@caisson/core/cbor';
import { ParseError } from '@caisson/core/errors';
import type { SignedApproval } from './approval.ts';
import type { ControlAuthority } from './authority.ts';
import type { ControlErrorCode } from './error-code.ts';
import type { ControlHandlers } from './handler.ts';
import { NONCE_BYTES } from './messages.ts';
import type { Quorum } from './quorum.ts';
import type { Readiness } from './readiness.ts';
import { CONTROL_REQUEST } from './request-type.ts';
import { encodeSessionInfo } from './session-info.ts';

export interface OwnHandlerOptions {
  readonly authority: ControlAuthority;
  readonly quorum: Quorum;
  readonly readiness: Readiness;
  /** A document for this session. */
  attest(nonce: Uint8Array): Promise<Uint8Array>;
}

// Chosen: SPKI and COSE_Sign1 of an approval have some 300 bytes.
const maxApprovalBytes = 1_024;

export function createOwnHandlers({ authority, quorum, readiness, attest }: OwnHandlerOptions): ControlHandlers {
  return {
    [CONTROL_REQUEST.session]: {
      verb: 'status',
      answer: (_payload, _call, { operator }) =>
        encodeSessionInfo({
          operator: operator.name,
          verbs: operator.verbs,
          phase: readiness.phase(),
          threshold: authority.threshold,
          listVersion: authority.listVersion,
        }),
    },
    [CONTROL_REQUEST.attest]: {
      verb: 'status',
      answer(nonce) {
        if (nonce.length !== NONCE_BYTES) throw wrong(`a nonce of ${NONCE_BYTES} bytes`);
        return attest(nonce);
      },
    },
    [CONTROL_REQUEST.approve]: {
      // Any operator may bring a list; its signature says who made it.
      verb: 'status',
      async answer(payload) {
        await quorum.take(parseSignedApproval(payload));
        return undefined;
      },
    },
    [CONTROL_REQUEST.operators]: {
      verb: 'operators',
      async answer(payload) {
        await authority.takeList(payload);
        return undefined;
      },
    },
  };
}

export function encodeSignedApproval({ spki, message }: SignedApproval): Uint8Array {
  return encodeCbor(
    new Map<number, CborValue>([
      [1, spki],
      [2, message],
    ]),
  );
}

function parseSignedApproval(payload: Uint8Array): SignedApproval {
  const map = decodeCbor(payload, { maxBytes: maxApprovalBytes, maxDepth: 2 });
  const [spki, message] = map instanceof Map && map.size === 2 ? [map.get(1), map.get(2)] : [];
  if (spki instanceof Uint8Array && message instanceof Uint8Array) return { spki, message };
  throw wrong('a signed approval');
}

function wrong(rule: string): ParseError<ControlErrorCode> {
  return new ParseError('CONTROL_MESSAGE', `request must be ${rule}, got something else`);
}

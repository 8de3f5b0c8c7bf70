// The payload of an ERROR frame: a code, text that may leave the process, and bytes of the application's choice. What arrives
// comes from a stranger and ends on somebody's terminal, so its form is checked and its text escaped.
import { type CborKey, type CborValue, decodeCbor, encodeCbor } from '@caisson/core/cbor';
import { CaissonError } from '@caisson/core/errors';
import { plain } from '@caisson/core/log';
import { RemoteError } from './error-code.ts';

// Chosen.
const maxTextLength = 1_024;
const maxDetailBytes = 4_096;
const maxPayloadBytes = 16_384;
const codeForm = /^[A-Za-z][A-Za-z0-9_.-]{0,63}$/;

/** What a handler throws to answer with its own code, words and bytes; all three cross the wall. */
export class Refusal extends Error {
  override readonly name = 'Refusal';
  readonly code: string;
  readonly detail: Uint8Array;

  /** Throws TypeError for a code or a detail that has no place in a frame. */
  constructor(code: string, text = '', detail: Uint8Array = new Uint8Array()) {
    if (!codeForm.test(code)) throw new TypeError(`a refusal's code must match ${codeForm.source}, got ${code}`);
    if (detail.length > maxDetailBytes) {
      throw new TypeError(`a refusal's detail must have at most ${maxDetailBytes} bytes, got ${detail.length}`);
    }
    super(text);
    this.code = code;
    this.detail = detail;
  }
}

/** Of an error that is no Refusal only the code and the safe text leave, and of a stranger's nothing but that it happened. */
export function encodeRefusal(error: unknown): Uint8Array {
  const entries = new Map<CborKey, CborValue>();
  if (error instanceof Refusal) {
    entries.set(1, error.code).set(2, cut(error.message));
    if (error.detail.length > 0) entries.set(3, error.detail);
  } else if (error instanceof CaissonError && codeForm.test(error.code)) {
    entries.set(1, error.code).set(2, error.safe === error.code ? '' : cut(error.safe));
  } else {
    entries.set(1, 'CHANNEL_HANDLER').set(2, '');
  }
  return encodeCbor(entries);
}

/** Never throws: an answer that cannot be read is still an answer, and only that one request fails. */
export function parseRefusal(payload: Uint8Array): RemoteError {
  try {
    const root = decodeCbor(payload, { maxBytes: maxPayloadBytes, maxDepth: 2, maxItems: 16 });
    if (root instanceof Map) {
      const [code, text, detail]: unknown[] = [root.get(1), root.get(2), root.get(3)];
      if (typeof code === 'string' && codeForm.test(code)) {
        const bytes = detail instanceof Uint8Array && detail.length <= maxDetailBytes ? detail : new Uint8Array();
        return new RemoteError(code, typeof text === 'string' ? plain(cut(text)) : '', bytes);
      }
    }
  } catch (error) {
    if (!(error instanceof CaissonError)) throw error;
  }
  return new RemoteError('CHANNEL_HANDLER', 'its error has no form that is known here', new Uint8Array());
}

function cut(text: string): string {
  return (text.length <= maxTextLength ? text : `${text.slice(0, maxTextLength)}...`).toWellFormed();
}

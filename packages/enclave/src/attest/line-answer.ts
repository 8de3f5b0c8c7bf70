// The answer to one line, to the byte: JSON with keys in the order id, ok, data or error and no spaces, or words.
import { toHex } from '@caisson/core/bytes';
import type { LineRequest } from './line-request.ts';

export type LineOutcome =
  | { readonly kind: 'data'; readonly bytes: Uint8Array }
  | { readonly kind: 'error'; readonly error: string };

/** With its newline. */
export function formatLineAnswer({ form, id }: Pick<LineRequest, 'form' | 'id'>, outcome: LineOutcome): string {
  if (form === 'json') {
    const rest =
      outcome.kind === 'data' ? { ok: true, data: toHex(outcome.bytes) } : { ok: false, error: outcome.error };
    return `${JSON.stringify({ id, ...rest })}\n`;
  }
  return outcome.kind === 'data' ? `${id} OK ${toHex(outcome.bytes)}\n` : `${id} ERR ${outcome.error}\n`;
}

/**
 * The word for a device failure: its own text when that is one word of letters, digits, `_`, `-` and `.`, else
 * `backend_error`. A text with a space or a newline in it would be a second word or a second line to the reader.
 */
export function nameFailure(error: unknown): string {
  const text = error instanceof Error ? error.message : '';
  return /^[A-Za-z0-9_.-]+$/.test(text) ? text : 'backend_error';
}

// Asks one question in the JSON form and tells apart what may become of it: refused, unreachable, silent, closed early, garbage. The
// other end may be written in any language; nothing of its answer is believed beyond its form.
import type { Cid, VsockPort } from '@caisson/core/address';
import { describeJson, isJsonObject, type JsonObject, parseStrictJson } from '@caisson/core/config';
import { CaissonError } from '@caisson/core/errors';
import { type AskOutcome, askFrame } from '../ready/ask.ts';
import type { Transport } from '../transport/transport.ts';
import { MAX_JSON_BYTES, maxJsonDepth } from './json-server.ts';

export interface AskJsonOptions {
  readonly transport: Transport;
  readonly cid: Cid;
  readonly port: VsockPort;
  /** For the dial, and then again for the answer. Default 5,000. */
  readonly timeoutMs?: number;
  readonly signal?: AbortSignal;
}

export type JsonOutcome =
  | { readonly kind: 'answered'; readonly answer: JsonObject }
  | Exclude<AskOutcome, { kind: 'answered' }>;

// Chosen.
const defaultTimeoutMs = 5_000;

/**
 * Rejects with the reason of `signal`, or with a CaissonError that says why this side cannot dial at all. Throws TypeError for a
 * request of more than 65,536 bytes.
 */
export async function askJson(options: AskJsonOptions, request: object): Promise<JsonOutcome> {
  const bytes = Buffer.from(JSON.stringify(request));
  if (bytes.length > MAX_JSON_BYTES) {
    throw new TypeError(`a JSON request must have at most ${MAX_JSON_BYTES} bytes, got ${bytes.length}`);
  }
  const { timeoutMs = defaultTimeoutMs } = options;
  const outcome = await askFrame({ ...options, timeoutMs, maxBytes: MAX_JSON_BYTES }, bytes);
  return outcome.kind === 'answered' ? readAnswer(outcome.answer) : outcome;
}

function readAnswer(bytes: Uint8Array): JsonOutcome {
  try {
    const answer = parseStrictJson(bytes, { maxBytes: MAX_JSON_BYTES, maxDepth: maxJsonDepth });
    if (isJsonObject(answer)) return { kind: 'answered', answer };
    return { kind: 'garbage', why: `answer must be an object, got ${describeJson(answer)}` };
  } catch (error) {
    if (!(error instanceof CaissonError)) throw error;
    return { kind: 'garbage', why: error.message };
  }
}

// Asks a port `{"action":"health"}` and says what became of it in one of a few words. The other end may be ours or an application's
// own server of the same form; of its answer only what stands in our lists is taken, so that nothing it wrote reaches a terminal.
import type { Socket } from 'node:net';
import type { Cid, VsockPort } from '@caisson/core/address';
import { describeJson, isJsonArray, isJsonObject, type JsonObject, parseStrictJson } from '@caisson/core/config';
import { CaissonError } from '@caisson/core/errors';
import type { Transport } from '../transport/transport.ts';
import { type AskOutcome, askFrame } from './ask.ts';
import { exchangeFrame } from './exchange.ts';
import {
  HEALTH_ERRORS,
  HEALTH_STATUSES,
  type HealthError,
  type HealthStatus,
  MAX_READY_REASONS,
  type Phase,
} from './messages.ts';
import { isBootId, readPhase, readReasons, type SeenReason } from './reason.ts';

/** An answer as far as it is understood; an application's own server has neither phase nor boot id. */
export interface SeenHealth {
  readonly status: HealthStatus;
  readonly phase: Phase | null;
  readonly reasons: readonly SeenReason[];
  readonly bootId: string | null;
}

export type HealthOutcome =
  | { readonly kind: 'answered'; readonly health: SeenHealth }
  /** It speaks the form and would not say: too many ask, or the question is unknown to it. */
  | { readonly kind: 'declined'; readonly error: HealthError }
  | Exclude<AskOutcome, { kind: 'answered' }>;

export interface AskHealthOptions {
  readonly transport: Transport;
  readonly cid: Cid;
  readonly port: VsockPort;
  /** For the dial, and then again for the answer. Default 1,000. */
  readonly timeoutMs?: number;
  readonly signal?: AbortSignal;
  onConnected?(): void;
}

// Chosen.
const defaultTimeoutMs = 1_000;
const maxAnswerBytes = 16_384;
const question = Buffer.from('{"action":"health"}');

/** Rejects with the reason of `signal`, or with a CaissonError that says why this side cannot dial at all. */
export async function askHealth(options: AskHealthOptions): Promise<HealthOutcome> {
  const { timeoutMs = defaultTimeoutMs } = options;
  const outcome = await askFrame({ ...options, timeoutMs, maxBytes: maxAnswerBytes }, question);
  return outcome.kind === 'answered' ? readAnswer(outcome.answer) : outcome;
}

/** The same on a socket that is connected already, of any family; destroys it. */
export async function askHealthOn(
  socket: Socket,
  options: { readonly timeoutMs: number; readonly signal?: AbortSignal },
): Promise<HealthOutcome> {
  const exchange = await exchangeFrame(socket, question, { ...options, maxBytes: maxAnswerBytes });
  return exchange.kind === 'answered' ? readAnswer(exchange.answer) : exchange;
}

function readAnswer(bytes: Uint8Array): HealthOutcome {
  try {
    const root = parseStrictJson(bytes, { maxBytes: maxAnswerBytes, maxDepth: 16 });
    if (!isJsonObject(root)) return { kind: 'garbage', why: `answer must be an object, got ${describeJson(root)}` };
    const error = HEALTH_ERRORS.find((one) => one === root.get('error'));
    return error === undefined ? readHealth(root) : { kind: 'declined', error };
  } catch (error) {
    if (!(error instanceof CaissonError)) throw error;
    return { kind: 'garbage', why: error.message };
  }
}

function readHealth(root: JsonObject): HealthOutcome {
  const status = HEALTH_STATUSES.find((one) => one === root.get('status'));
  if (status === undefined) {
    const why = `status must be one of ${HEALTH_STATUSES.join(', ')}, got ${describeJson(root.get('status'))}`;
    return { kind: 'garbage', why };
  }
  const [bootId, reasons] = [root.get('bootId'), root.get('reasons')];
  return {
    kind: 'answered',
    health: {
      status,
      phase: readPhase(root.get('phase')) ?? null,
      reasons: isJsonArray(reasons) ? readReasons(reasons.slice(0, MAX_READY_REASONS)) : [],
      bootId: isBootId(bootId) ? bootId : null,
    },
  };
}

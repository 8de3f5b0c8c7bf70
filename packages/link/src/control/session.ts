// A session of an operator, from READY to its end, on the enclave's side: the channel, the gate in front of its handlers, its age. Whether the
// operator may is asked at every request, so that a list that runs out or is replaced counts at once.
import { CaissonError, LimitError } from '@caisson/core/errors';
import type { MeasuredOperator } from '@caisson/core/measured';
import { createChannel } from '../channel/channel.ts';
import { hashAct } from './approval.ts';
import type { ControlAuthority } from './authority.ts';
import type { EnclaveFacts } from './binding.ts';
import type { ControlCaller } from './caller.ts';
import type { ControlErrorCode } from './error-code.ts';
import type { ControlEvent } from './event.ts';
import { type ControlGate, type ControlHandlers, guardHandlers } from './handler.ts';
import type { OpenedServer } from './open-server.ts';
import { createOwnHandlers } from './own-handler.ts';
import type { Quorum } from './quorum.ts';
import { awaitReady, type Readiness } from './readiness.ts';
import { DANGEROUS_VERBS } from './verb.ts';

export interface SessionLimits {
  /** After it no new request is taken: keys are used for an hour. Default 3,600,000. */
  readonly maxSessionMs: number;
  /** The same by bytes; at twice as many the session is cut. Default 64 GiB. */
  readonly maxSessionBytes: number;
  /** How long a verb that carries data waits for the enclave to be ready. Default 20,000. */
  readonly readyWaitMs: number;
}

export interface SessionOptions {
  readonly number: number;
  readonly authority: ControlAuthority;
  readonly quorum: Quorum;
  readonly limits: SessionLimits;
  readonly facts: EnclaveFacts;
  readonly readiness: Readiness;
  readonly handlers: ControlHandlers;
  readonly onEvent: (event: ControlEvent) => void;
}

export interface Session {
  end(): void;
  readonly over: Promise<void>;
}

// Chosen.
const lookEveryMs = 10_000;
const longestTimeoutMs = 2_147_483_647;

export function runSession(opened: OpenedServer, options: SessionOptions): Session {
  const { authority, quorum, limits, readiness, number, onEvent } = options;
  const { keySha256, secure } = opened;
  const ended = new AbortController();
  const about = { session: number, operator: opened.operator.name };
  // Measured (bench/copy): below it a file on its way in waits for credit. An operator is known by now.
  const channel = createChannel(opened.stream, { role: 'listener', streamWindowBytes: 1_048_576 });

  const caller: ControlCaller = {
    keySha256,
    profile: options.facts.profile,
    ended: ended.signal,
    get operator(): MeasuredOperator {
      return authority.verifyVerb(keySha256, 'status');
    },
    mayUse(verb) {
      try {
        authority.verifyVerb(keySha256, verb);
        return true;
      } catch {
        return false;
      }
    },
  };
  const gate: ControlGate = {
    caller,
    async admit(verb, { type, payload, signal }, needsReady) {
      try {
        authority.verifyVerb(keySha256, verb);
        if (needsReady) await awaitReady(readiness, limits.readyWaitMs, signal);
        // Last: what is refused for another reason uses no approval up.
        const needsMany = authority.threshold > 1 && DANGEROUS_VERBS.includes(verb);
        if (needsMany) quorum.spend(verb, hashAct(type, payload));
      } catch (error) {
        const code = error instanceof CaissonError ? error.code : 'CONTROL_CLOSED';
        onEvent({ kind: 'denied', ...about, verb, code, reason: error instanceof Error ? error.message : '' });
        throw error;
      }
      // Looking is no act: a log of acts that is full of looks is read by nobody.
      if (verb !== 'status') onEvent({ kind: 'asked', ...about, type, verb });
    },
  };
  const own = createOwnHandlers({ authority, quorum, readiness, attest: (nonce) => opened.attest(nonce) });
  channel.serve(guardHandlers({ ...options.handlers, ...own }, gate));

  const beganMs = performance.now();
  const look = setInterval(
    () => {
      const { bytesReceived, bytesSent } = channel.stats();
      const bytes = bytesReceived + bytesSent;
      if (bytes > 2 * limits.maxSessionBytes) {
        const message = `session must carry at most ${2 * limits.maxSessionBytes} bytes, got ${bytes}`;
        channel.destroy(new LimitError<ControlErrorCode>('CONTROL_CLOSED', message));
      } else if (bytes > limits.maxSessionBytes || performance.now() - beganMs > limits.maxSessionMs) {
        // Past either limit, requests under way go on; new ones need a new session, with new keys and a new proof.
        void channel.close({ deadlineMs: longestTimeoutMs });
      } else if (authority.operatorOf(keySha256) === undefined) {
        channel.destroy(new CaissonError<ControlErrorCode>('CONTROL_CLOSED', 'operator is on no list any more'));
      }
    },
    Math.min(lookEveryMs, limits.maxSessionMs),
  );

  const over = channel.closed.then((why) => {
    clearInterval(look);
    ended.abort();
    secure.tls.destroySoon();
    onEvent({ kind: 'ended', ...about, reason: why?.code ?? 'closed' });
  });
  return { end: () => void channel.close(), over };
}

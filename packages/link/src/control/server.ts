// The answering end: connections of the control port, at most so many handshakes and sessions at once, each session's requests behind the gate. It
// tells its owner of every refusal, with the reason that the refused is not told.
import type { Duplex } from 'node:stream';
import { CID_ANY, type Cid, toVsockPort } from '@caisson/core/address';
import { CaissonError } from '@caisson/core/errors';
import type { Transport } from '../transport/index.ts';
import type { ControlAuthority } from './authority.ts';
import type { EnclaveFacts } from './binding.ts';
import type { ControlEvent } from './event.ts';
import type { ControlHandlers } from './handler.ts';
import type { ControlIdentity } from './identity.ts';
import { sha256 } from './identity.ts';
import { CONTROL_PORT } from './messages.ts';
import { type IssueDocument, openServer } from './open-server.ts';
import { Quorum } from './quorum.ts';
import type { Readiness } from './readiness.ts';
import { runSession, type Session, type SessionLimits } from './session.ts';

export interface ControlServerOptions extends Partial<ControlServerLimits> {
  readonly transport: Transport;
  /** Default 53000. */
  readonly port?: number;
  /** The enclave's key of this boot. */
  readonly identity: ControlIdentity;
  readonly authority: ControlAuthority;
  readonly facts: EnclaveFacts;
  readonly issue: IssueDocument;
  readonly readiness: Readiness;
  readonly handlers: ControlHandlers;
  readonly onEvent: (event: ControlEvent) => void;
  /** Unix seconds, by the clock that lists and approvals are judged by. */
  readonly now: () => number;
}

export interface ControlServerLimits extends SessionLimits {
  /** Default 64; one more cuts off the oldest that has shown no operator's key. */
  readonly maxHandshakes: number;
  /** From accept to READY. Default 5,000. */
  readonly handshakeTimeoutMs: number;
  /** Default 64. */
  readonly maxSessions: number;
}

export interface ControlServer {
  readonly port: number;
  /** Sessions that are open. */
  readonly sessions: number;
  /** Stops listening, tells every session, and resolves when none is left. Idempotent. */
  close(): Promise<void>;
}

// Chosen.
const standard: ControlServerLimits = {
  maxHandshakes: 64,
  handshakeTimeoutMs: 5_000,
  maxSessions: 64,
  maxSessionMs: 3_600_000,
  maxSessionBytes: 64 * 2 ** 30,
  readyWaitMs: 20_000,
};

interface Handshake {
  readonly stream: Duplex;
  isKnown: boolean;
}

/** Rejects as the transport's listen does. */
export async function serveControl(options: ControlServerOptions): Promise<ControlServer> {
  const { transport, identity, authority, facts, onEvent, now } = options;
  const limits = { ...standard, ...options };
  const quorum = new Quorum({ authority, bootId: facts.bootId, serverKeySha256: sha256(identity.spki), now });
  const handshakes = new Set<Handshake>();
  const sessions = new Map<number, Session>();
  let lastSession = 0;

  const accept = async (stream: Duplex, cid: Cid): Promise<void> => {
    // Errors of a socket are told by its close; without a listener one would end the supervisor.
    stream.on('error', () => {});
    const refuse = (code: string, reason: string): void => onEvent({ kind: 'refused', code, reason, cid });
    if (handshakes.size >= limits.maxHandshakes) {
      const oldest = [...handshakes].find(({ isKnown }) => !isKnown);
      if (oldest === undefined) {
        stream.destroy();
        return refuse('CONTROL_BUSY', `${handshakes.size} handshakes are under way`);
      }
      // Who waits the longest with nothing shown is the least likely to be an operator, whose handshake takes milliseconds.
      oldest.stream.destroy();
      handshakes.delete(oldest);
    }
    const handshake: Handshake = { stream, isKnown: false };
    handshakes.add(handshake);
    try {
      const opened = await openServer(stream, {
        identity,
        authority,
        facts,
        issue: options.issue,
        timeoutMs: limits.handshakeTimeoutMs,
        isFull: () => sessions.size >= limits.maxSessions,
        onKnown() {
          handshake.isKnown = true;
        },
      });
      lastSession += 1;
      const number = lastSession;
      const { keySha256, operator } = opened;
      onEvent({ kind: 'opened', session: number, operator: operator.name, keySha256, cid });
      const session = runSession(opened, {
        number,
        authority,
        quorum,
        limits,
        facts,
        onEvent,
        readiness: options.readiness,
        handlers: options.handlers,
      });
      sessions.set(number, session);
      void session.over.then(() => sessions.delete(number));
    } catch (error) {
      refuse(
        error instanceof CaissonError ? error.code : 'CONTROL_CLOSED',
        error instanceof Error ? error.message : '',
      );
    } finally {
      handshakes.delete(handshake);
    }
  };

  const port = toVsockPort(options.port ?? CONTROL_PORT);
  const listener = await transport.listen({ cid: CID_ANY, port }, {}, (socket, peer) => void accept(socket, peer.cid));
  let closing: Promise<void> | undefined;
  return {
    port: listener.port,
    get sessions() {
      return sessions.size;
    },
    close() {
      closing ??= (async () => {
        await listener.close();
        for (const { stream } of handshakes) stream.destroy();
        const open = [...sessions.values()];
        for (const session of open) session.end();
        await Promise.all(open.map(({ over }) => over));
      })();
      return closing;
    },
  };
}

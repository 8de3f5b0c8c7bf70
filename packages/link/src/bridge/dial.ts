// Reaching the far side of a rule from JavaScript: every address of a name, staggered, one deadline over all of it.
import { connect, type NetConnectOpts, type Socket } from 'node:net';
import { setTimeout as delay } from 'node:timers/promises';
import type { Transport } from '../transport/transport.ts';
import { raceAttempts } from './race.ts';
import { type ResolveHost, resolveTargets, untilAborted } from './resolve.ts';
import type { BridgeRule } from './rule.ts';

export interface Dialler {
  readonly transport: Transport;
  readonly resolve: ResolveHost;
}

// Chosen: the transport's own deadline is never the one that counts; `signal` is.
const retryLeastMs = 5;
const retryMostMs = 100;

/** A connected socket with allowHalfOpen. Rejects with Node-style errors or with the reason of `signal`. */
export async function dialFarSide(rule: BridgeRule, dialler: Dialler, signal: AbortSignal): Promise<Socket> {
  const { dial } = rule;
  const retryRefused = rule.retryRefused === true;
  if (dial.kind === 'vsock') {
    const { cid, port } = dial;
    const timeoutMs = rule.limits.dialTimeoutMs;
    return freedWhenLate(dialler.transport.connect({ cid, port }, { timeoutMs, retryRefused, signal }), signal);
  }
  if (dial.kind === 'unix') return connectUnix(dial.path, retryRefused, signal);
  const policy = { what: `bridge ${rule.name}`, allowMetadata: rule.allowMetadata === true };
  return raceAttempts({
    candidates: await resolveTargets(dial.host, policy, dialler.resolve, signal),
    attempt: (host, attemptSignal) => connectStream({ host, port: dial.port, noDelay: true }, attemptSignal),
    discard: (socket) => socket.destroy(),
    signal,
  });
}

async function connectUnix(path: string, retryRefused: boolean, signal: AbortSignal): Promise<Socket> {
  for (;;) {
    try {
      return await connectStream({ path }, signal);
    } catch (error) {
      const { code } = error as NodeJS.ErrnoException;
      // unix(7): a full backlog is EAGAIN at once and says nothing about the listener being gone.
      const again = code === 'EAGAIN' || (retryRefused && (code === 'ECONNREFUSED' || code === 'ENOENT'));
      if (!again || signal.aborted) throw error;
      await untilAborted(delay(retryLeastMs + Math.random() * (retryMostMs - retryLeastMs)), signal);
    }
  }
}

function connectStream(to: NetConnectOpts, signal: AbortSignal): Promise<Socket> {
  return new Promise((settle, fail) => {
    if (signal.aborted) return fail(signal.reason);
    const socket = connect({ ...to, allowHalfOpen: true });
    const finish = (): void => {
      signal.removeEventListener('abort', abort);
      socket.off('connect', connected).off('error', failed);
    };
    const connected = (): void => {
      finish();
      settle(socket);
    };
    const failed = (error: Error): void => {
      finish();
      fail(error);
    };
    const abort = (): void => {
      finish();
      socket.on('error', () => {}).destroy();
      fail(signal.reason);
    };
    socket.on('connect', connected).on('error', failed);
    signal.addEventListener('abort', abort, { once: true });
  });
}

/** The transport may settle after `signal`; a socket that nobody waits for any more is closed. */
async function freedWhenLate(connecting: Promise<Socket>, signal: AbortSignal): Promise<Socket> {
  const socket = await untilAborted(connecting, signal).catch((error: unknown) => {
    connecting.then(
      (late) => late.destroy(),
      () => {},
    );
    throw error;
  });
  return socket;
}

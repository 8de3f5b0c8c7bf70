// The supervisor's control over the control channel, asking end: what initctl asks, through a session instead of a socket.
import { toUtf8, utf8Text } from '@caisson/core/bytes';
import { CaissonError, LimitError } from '@caisson/core/errors';
import type { FollowedLine, InitClient } from '../init/client.ts';
import type { ControlSession } from './client.ts';
import { said } from './client.ts';
import type { ControlErrorCode } from './error-code.ts';
import type { ControlIdentity } from './identity.ts';
import { INIT_CONTROL_VERBS } from './init-handler.ts';
import { CONTROL_REQUEST } from './request-type.ts';

// Chosen: a service has up to 30 s to stop.
const timeoutMs = 60_000;
// Chosen: a log line has at most 8,192 characters, each up to six bytes of JSON.
const maxLineBytes = 131_072;

/** Closing it closes the session. `approvers`: who sign beside its operator what the enclave lets nobody do alone. */
export function createControlInitClient(
  session: ControlSession,
  approvers: readonly ControlIdentity[] = [],
): InitClient {
  const { channel } = session;
  return {
    async call(method, params) {
      const payload = toUtf8(JSON.stringify({ method, params }));
      const ask = (): Promise<Uint8Array> =>
        said(channel.request(CONTROL_REQUEST.init, payload, { deadlineMs: timeoutMs }));
      const answer = await ask().catch(async (error: unknown) => {
        const isForMany = error instanceof CaissonError && error.code === 'CONTROL_APPROVAL';
        if (!isForMany || approvers.length === 0) throw error;
        await session.approve(INIT_CONTROL_VERBS[method], CONTROL_REQUEST.init, payload, approvers);
        return await ask();
      });
      return JSON.parse(utf8Text(answer));
    },
    async follow(name, onLine, stop, onBegun) {
      const stream = channel.open(CONTROL_REQUEST.followLogs, toUtf8(name), { end: true, signal: stop });
      try {
        await said(stream.reply);
        onBegun?.();
        for await (const line of linesOf(stream)) onLine(followed(line));
      } catch (error) {
        if (stop.aborted) return;
        throw error;
      }
      if (!stop.aborted)
        throw new CaissonError<ControlErrorCode>('CONTROL_CLOSED', `enclave has ended the log of ${name}`);
    },
    close: () => void session.close(),
  };
}

async function* linesOf(chunks: AsyncIterable<Uint8Array>): AsyncGenerator<string> {
  let rest = Buffer.alloc(0);
  for await (const chunk of chunks) {
    rest = Buffer.concat([rest, chunk]);
    for (let at = rest.indexOf(10); at >= 0; at = rest.indexOf(10)) {
      yield rest.subarray(0, at).toString('utf8');
      rest = rest.subarray(at + 1);
    }
    if (rest.length > maxLineBytes) {
      throw new LimitError<ControlErrorCode>(
        'CONTROL_MESSAGE',
        `log line must have at most ${maxLineBytes} bytes, got more`,
      );
    }
  }
}

function followed(text: string): FollowedLine {
  const { service, line, time_ms, count } = JSON.parse(text) as {
    service: string;
    line?: string;
    time_ms?: number;
    count?: number;
  };
  return {
    service,
    line: line ?? `(${count} lines were lost: they came faster than they were read)`,
    ...(typeof time_ms === 'number' && { timeMs: time_ms }),
  };
}

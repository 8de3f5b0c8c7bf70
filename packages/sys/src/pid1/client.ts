// The ProcessHost of production: PID 1 on fd 3. Requests are told apart by id and answered in any order; a frame that is none
// of the protocol, or the end of the stream, ends it, since what PID 1 thinks is then unknown.
import { Socket } from 'node:net';
import { createSystemError, errnoNumber } from '../errno.ts';
import type { ProcessFrame } from './frame.ts';
import { encodeEnd, encodeForget, encodeFrame, encodeSignal, encodeStart, frameType } from './frame.ts';
import type { ProcessEntry, ProcessHost, ProcessHostEvent, ProcessIdentity } from './process-host.ts';
import { createFrameReader } from './reader.ts';

// Given by docs/wire/pid1.md.
const supervisorFd = 3;
// Chosen: PID 1 answers within microseconds; only a start waits, for a child that forks, opens and execs.
const defaultTimeoutMs = 10_000;

export interface ProcessHostOptions {
  /** Default 3. */
  readonly fd?: number;
  /** Instead of `fd`: a stream to PID 1 that is connected already; it becomes the host's. */
  readonly socket?: Socket;
  /** Of each request; after it ETIMEDOUT. Default 10,000. */
  readonly timeoutMs?: number;
}

export interface OpenProcessHost extends ProcessHost {
  /** Settles when PID 1 is no longer heard, with what ended it. */
  readonly closed: Promise<Error>;
  close(): void;
}

interface Waiting {
  /** What the request was about, for its error. */
  readonly object: string;
  readonly path: string | undefined;
  readonly entries: ProcessEntry[];
  settle(outcome: Error | ProcessFrame): void;
}

/** The caller closes it. Events come after every microtask that hangs on an earlier answer. */
export function openProcessHost(options: ProcessHostOptions = {}): OpenProcessHost {
  const { timeoutMs = defaultTimeoutMs } = options;
  const socket = options.socket ?? new Socket({ fd: options.fd ?? supervisorFd, readable: true, writable: true });
  const waiting = new Map<number, Waiting>();
  const listeners: ((event: ProcessHostEvent) => void)[] = [];
  const { promise: closed, resolve: tellClosed } = Promise.withResolvers<Error>();
  let nextId = 1;
  let lost: Error | undefined;

  const lose = (error: Error): void => {
    if (lost !== undefined) return;
    lost = error;
    socket.destroy();
    for (const { settle } of waiting.values()) settle(error);
    waiting.clear();
    tellClosed(error);
  };
  const hear = (frame: ProcessFrame): void => {
    if (frame.kind === 'ended' || frame.kind === 'terminate' || frame.kind === 'reload') {
      setImmediate(() => {
        for (const listener of listeners) listener(frame);
      });
      return;
    }
    const one = waiting.get(frame.id);
    // Its time was over.
    if (one === undefined) return;
    if (frame.kind === 'entry') {
      one.entries.push(frame.entry);
      return;
    }
    waiting.delete(frame.id);
    one.settle(frame);
  };
  const take = createFrameReader(hear);
  socket.on('data', (bytes: Buffer) => {
    if (!take(bytes))
      lose(createSystemError(errnoNumber('EPROTO'), 'read', 'PID 1', { reason: 'no frame of its protocol' }));
  });
  socket.on('error', lose);
  socket.on('close', () => lose(createSystemError(errnoNumber('EPIPE'), 'read', 'PID 1')));

  const ask = async (type: number, body: Buffer, object: string, path?: string): Promise<ProcessAnswer> => {
    if (lost !== undefined) throw createSystemError(errnoNumber('EPIPE'), 'write', 'PID 1', { cause: lost });
    const id = nextId;
    nextId = nextId >= 0xffff_ffff ? 1 : nextId + 1;
    const frame = encodeRequest(type, id, body, object);
    return await new Promise<ProcessAnswer>((resolve, reject) => {
      const timer = setTimeout(() => {
        waiting.delete(id);
        reject(
          createSystemError(errnoNumber('ETIMEDOUT'), 'read', object, { reason: `no answer within ${timeoutMs} ms` }),
        );
      }, timeoutMs);
      const entries: ProcessEntry[] = [];
      const settle = (outcome: Error | ProcessFrame): void => {
        clearTimeout(timer);
        if (outcome instanceof Error) reject(outcome);
        else if (outcome.kind === 'error') reject(createRefusal(outcome, object, path));
        else resolve({ frame: outcome, entries });
      };
      waiting.set(id, { object, path, entries, settle });
      socket.write(frame);
    });
  };

  return {
    closed,
    table: async () => (await ask(frameType.table, Buffer.of(), 'table')).entries,
    async start(request) {
      const { frame } = await ask(frameType.start, encodeStart(request), request.name, request.argv[0]);
      if (frame.kind === 'started') return frame.identity;
      throw createSystemError(errnoNumber('EPROTO'), 'start', request.name);
    },
    async signal(name, identity, signal, scope) {
      await ask(frameType.signal, encodeSignal(name, identity, signal, scope), name);
    },
    async forget(name, identity: ProcessIdentity) {
      await ask(frameType.forget, encodeForget(name, identity), name);
    },
    async end(code) {
      const frame = encodeFrame(frameType.end, nextId, encodeEnd(code));
      if (lost !== undefined) throw createSystemError(errnoNumber('EPIPE'), 'write', 'PID 1', { cause: lost });
      await new Promise<void>((resolve) => socket.write(frame, () => resolve()));
      // PID 1 answers by ending everything.
      await closed;
    },
    onEvent: (listener) => void listeners.push(listener),
    close: () => lose(createSystemError(errnoNumber('ECANCELED'), 'read', 'PID 1', { reason: 'closed' })),
  };
}

interface ProcessAnswer {
  readonly frame: ProcessFrame;
  readonly entries: readonly ProcessEntry[];
}

function encodeRequest(type: number, id: number, body: Buffer, object: string): Buffer {
  try {
    return encodeFrame(type, id, body);
  } catch (cause) {
    const reason = 'words and environment must fit into one frame of 8,192 bytes';
    throw createSystemError(errnoNumber('E2BIG'), 'start', object, { cause, reason });
  }
}

/** In Node's form: `exec ENOENT /bin/nothing`, with `syscall` what PID 1 was at and `path` what it was about. */
function createRefusal(frame: ProcessFrame & { kind: 'error' }, object: string, path: string | undefined): Error {
  const about = frame.step === 'exec' ? (path ?? object) : object;
  return Object.assign(createSystemError(-frame.errno, frame.step, about), { path: about });
}

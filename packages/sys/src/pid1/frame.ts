// Frames of fd 3 (docs/wire/pid1.md): u32 BE length of what follows, u8 type, u32 BE id, body. Numbers are big-endian, a text is
// UTF-8 and a NUL. Both directions, so that a page and a test can say what PID 1 hears.
import type { ProcessEnd, ProcessEntry, ProcessIdentity, ProcessRequest } from './process-host.ts';

// Given (docs/wire/pid1.md).
export const maxFrameBytes = 8192;
const headBytes = 5;

export const frameType = {
  start: 1,
  table: 2,
  signal: 3,
  forget: 4,
  end: 5,
  started: 65,
  entry: 66,
  done: 67,
  error: 68,
  ended: 97,
  terminate: 98,
  reload: 99,
} as const;

/** What PID 1 was at when a request failed; the index is the wire's. */
export const steps = [
  'request',
  'table',
  'fifo',
  'fork',
  'session',
  'cgroup',
  'stdin',
  'stdout',
  'stderr',
  'terminal',
  'limits',
  'oom',
  'group',
  'user',
  'privileges',
  'chdir',
  'exec',
  'kill',
  'forget',
] as const;
export type Step = (typeof steps)[number];

const scopes = ['process', 'group', 'cgroup'] as const;
export type Scope = (typeof scopes)[number];

const flag = { noNewPrivileges: 1, terminal: 2, hold: 4, limitNofile: 8, oomScoreAdjust: 16 } as const;

export type ProcessFrame =
  | { readonly kind: 'started'; readonly id: number; readonly identity: ProcessIdentity }
  | { readonly kind: 'entry'; readonly id: number; readonly entry: ProcessEntry }
  | { readonly kind: 'done'; readonly id: number }
  | { readonly kind: 'error'; readonly id: number; readonly errno: number; readonly step: Step }
  | { readonly kind: 'ended'; readonly entry: ProcessEntry & { readonly end: ProcessEnd } }
  | { readonly kind: 'terminate' }
  | { readonly kind: 'reload' };

/** Body of `start`. Throws TypeError for what cannot be said: a NUL in a text, a number outside of its field. */
export function encodeStart(request: ProcessRequest): Buffer {
  const { streams, limitNofile, oomScoreAdjust } = request;
  const flags =
    (request.noNewPrivileges ? flag.noNewPrivileges : 0) |
    (streams.terminal ? flag.terminal : 0) |
    (streams.hold ? flag.hold : 0) |
    (limitNofile === null ? 0 : flag.limitNofile) |
    (oomScoreAdjust === null ? 0 : flag.oomScoreAdjust);
  const environment = Object.entries(request.env).map((pair) => pair.join('='));
  return Buffer.concat([
    encodeNumber('flags', flags, 1),
    encodeNumber('uid', request.uid, 4),
    encodeNumber('gid', request.gid, 4),
    encodeNumber('umask', request.umask, 2),
    encodeNumber('limitNofile', limitNofile ?? 0, 4),
    encodeNumber('oomScoreAdjust', (oomScoreAdjust ?? 0) >>> 0, 4),
    ...[request.name, request.cwd, request.cgroup, streams.stdin, streams.stdout, streams.stderr].map(encodeText),
    encodeNumber('argv.length', request.argv.length, 2),
    ...request.argv.map(encodeText),
    encodeNumber('env.length', environment.length, 2),
    ...environment.map(encodeText),
  ]);
}

export function encodeSignal(name: string, identity: ProcessIdentity, signal: number, scope: Scope): Buffer {
  const numbers = [encodeNumber('signal', signal, 1), encodeNumber('scope', scopes.indexOf(scope), 1)];
  return Buffer.concat([encodeIdentity(identity), ...numbers, encodeText(name)]);
}

export function encodeForget(name: string, identity: ProcessIdentity): Buffer {
  return Buffer.concat([encodeIdentity(identity), encodeText(name)]);
}

export function encodeEnd(code: number): Buffer {
  return encodeNumber('code', code, 1);
}

/** A whole frame. RangeError over 8,192 bytes, which PID 1 would take for a stranger's. */
export function encodeFrame(type: number, id: number, body: Uint8Array = Buffer.of()): Buffer {
  const length = headBytes + body.length;
  if (length > maxFrameBytes) throw new RangeError(`frame has ${length} bytes, more than ${maxFrameBytes}`);
  return Buffer.concat([encodeNumber('length', length, 4), Buffer.of(type), encodeNumber('id', id, 4), body]);
}

/** `body` is type, id and body. Undefined: none of PID 1's frames. */
export function parseProcessFrame(frame: Buffer): ProcessFrame | undefined {
  if (frame.length < headBytes) return undefined;
  const type = frame.readUInt8(0);
  const id = frame.readUInt32BE(1);
  const body = frame.subarray(headBytes);
  if (type === frameType.entry || type === frameType.ended) return parseEntryFrame(type, id, body);
  if (type === frameType.started && body.length === 12) return { kind: 'started', id, identity: parseIdentity(body) };
  if (type === frameType.error && body.length === 5) {
    const step = steps[body.readUInt8(4)];
    return step && { kind: 'error', id, errno: body.readUInt32BE(0), step };
  }
  if (body.length !== 0) return undefined;
  if (type === frameType.done) return { kind: 'done', id };
  if (type === frameType.terminate) return { kind: 'terminate' };
  return type === frameType.reload ? { kind: 'reload' } : undefined;
}

function parseEntryFrame(type: number, id: number, body: Buffer): ProcessFrame | undefined {
  if (body.length < 16 || body.indexOf(0, 14) !== body.length - 1) return undefined;
  const end = parseEnd(body.readUInt8(12), body.readUInt8(13));
  if (end === undefined) return undefined;
  const entry = { name: body.toString('utf8', 14, body.length - 1), ...parseIdentity(body) };
  if (type === frameType.ended) return end === 'runs' ? undefined : { kind: 'ended', entry: { ...entry, end } };
  return { kind: 'entry', id, entry: end === 'runs' ? entry : { ...entry, end } };
}

function parseEnd(state: number, code: number): ProcessEnd | 'runs' | undefined {
  if (state === 0) return 'runs';
  if (state === 1) return { kind: 'exit', code };
  return state > 3 ? undefined : { kind: 'signal', signal: code, dumped: state === 3 };
}

function parseIdentity(body: Buffer): ProcessIdentity {
  return { pid: body.readUInt32BE(0), startTime: Number(body.readBigUInt64BE(4)) };
}

function encodeIdentity({ pid, startTime }: ProcessIdentity): Buffer {
  return Buffer.concat([encodeNumber('pid', pid, 4), encodeNumber('startTime', startTime, 8)]);
}

function encodeText(text: string | null): Buffer {
  if (text?.includes('\0')) throw new TypeError(`a text for PID 1 must not hold a NUL, got ${JSON.stringify(text)}`);
  return Buffer.from(`${text ?? ''}\0`);
}

function encodeNumber(name: string, value: number, bytes: number): Buffer {
  if (!Number.isSafeInteger(value) || value < 0 || value >= 256 ** bytes) {
    throw new TypeError(`${name} must be an integer in 0..${256 ** bytes - 1}, got ${value}`);
  }
  const field = Buffer.alloc(8);
  field.writeBigUInt64BE(BigInt(value));
  return field.subarray(8 - bytes);
}

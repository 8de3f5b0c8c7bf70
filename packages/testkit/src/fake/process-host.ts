// A ProcessHost without processes, for tests of the supervisor: pids are counted up from 100, start times are the pids times
// ten, nothing ends unless a program, a signal or the test says so. It keeps PID 1's promises (docs/wire/pid1.md): the table
// outlives a supervisor, a reused name is another identity, and an event comes after the answer that it follows.
import { constants } from 'node:os';
import type {
  ProcessEnd,
  ProcessEntry,
  ProcessHost,
  ProcessHostEvent,
  ProcessIdentity,
  ProcessRequest,
} from '@caisson/sys';

/** What a started program does; a test gives one for each request. */
export type FakeProgram =
  /** Cannot be started: an errno name, and what failed (`exec` of argv[0] unless said). */
  | {
      readonly kind: 'fails';
      readonly code: keyof typeof constants.errno;
      readonly step?: string;
      readonly path?: string;
    }
  /** Ends by itself, at the next turn of the loop. */
  | { readonly kind: 'ends'; readonly end: ProcessEnd }
  /** Runs until told; `onSignal` says how a signal ends it, undefined that it goes on (SIGKILL is never asked). Default: any ends it. */
  | { readonly kind: 'runs'; readonly onSignal?: (signal: number) => ProcessEnd | undefined };

export interface FakeProcessHostOptions {
  /** Asked at each start; default: it runs, and any signal ends it. */
  readonly program?: (request: ProcessRequest) => FakeProgram;
  /** Entries of the table; default 256, as PID 1. */
  readonly capacity?: number;
}

export interface FakeSignal extends ProcessIdentity {
  readonly name: string;
  readonly signal: number;
  readonly scope: 'process' | 'group' | 'cgroup';
}

export interface FakeProcessHost extends ProcessHost {
  /** In order, in short: `start web`, `signal web 100 15 group`, `forget web 100`, `table`, `end 0`. */
  readonly calls: readonly string[];
  /** Every request that was started, in order. */
  readonly started: readonly ProcessRequest[];
  readonly signals: readonly FakeSignal[];
  /** The code given to end(); undefined before. */
  readonly exitCode: number | undefined;
  /** Names that run now, in the order of their start. */
  running(): readonly string[];
  /** The running process of that name. */
  find(name: string): ProcessEntry | undefined;
  /** Ends a running process now, and tells so before it returns. TypeError when none of that name runs. */
  finish(name: string, end?: ProcessEnd): void;
  /** SIGTERM or SIGHUP to PID 1. */
  tell(kind: 'terminate' | 'reload'): void;
  /** The supervisor has died: this face is dead (EPIPE), and what is returned is the new one's, on the same table. */
  takeOver(): FakeProcessHost;
}

interface Slot {
  readonly entry: { -readonly [Key in keyof ProcessEntry]: ProcessEntry[Key] };
  readonly program: FakeProgram;
}

interface World {
  readonly options: FakeProcessHostOptions;
  readonly slots: Slot[];
  readonly calls: string[];
  readonly started: ProcessRequest[];
  readonly signals: FakeSignal[];
  nextPid: number;
  exitCode: number | undefined;
  /** Told again to the next supervisor, as PID 1 does. */
  terminating: boolean;
  face: object | undefined;
}

export function createFakeProcessHost(options: FakeProcessHostOptions = {}): FakeProcessHost {
  const { calls, started, signals, slots } = { calls: [], started: [], signals: [], slots: [] };
  return createFace({
    options,
    slots,
    calls,
    started,
    signals,
    nextPid: 100,
    exitCode: undefined,
    terminating: false,
    face: undefined,
  });
}

function createFace(world: World): FakeProcessHost {
  const listeners: ((event: ProcessHostEvent) => void)[] = [];
  const own = {};
  world.face = own;

  const emit = (event: ProcessHostEvent): void => {
    if (world.face === own) for (const listener of listeners) listener(event);
  };
  const call = (words: string): void => {
    if (world.face !== own) throw createFailure('EPIPE', 'write', 'PID 1');
    world.calls.push(words);
  };
  const finishSlot = (slot: Slot, end: ProcessEnd): void => {
    if (slot.entry.end !== undefined) return;
    slot.entry.end = end;
    emit({ kind: 'ended', entry: { ...slot.entry, end } });
  };
  // After every microtask that hangs on the answer, as the client on fd 3 has it.
  const finishSoon = (slot: Slot, end: ProcessEnd): void => {
    setImmediate(() => finishSlot(slot, end));
  };
  const runningSlot = (name: string): Slot | undefined =>
    world.slots.find(({ entry }) => entry.name === name && entry.end === undefined);
  const findSlot = (name: string, { pid, startTime }: ProcessIdentity): Slot | undefined =>
    world.slots.find(({ entry }) => entry.name === name && entry.pid === pid && entry.startTime === startTime);

  const host: FakeProcessHost = {
    calls: world.calls,
    started: world.started,
    signals: world.signals,
    get exitCode() {
      return world.exitCode;
    },
    async table() {
      call('table');
      return world.slots.map(({ entry }) => ({ ...entry }));
    },
    async start(request) {
      call(`start ${request.name}`);
      if (runningSlot(request.name) !== undefined) throw createFailure('EEXIST', 'start', request.name);
      if (world.slots.length >= (world.options.capacity ?? 256)) throw createFailure('ENFILE', 'start', request.name);
      const program = world.options.program?.(request) ?? { kind: 'runs' };
      if (program.kind === 'fails') {
        throw createFailure(program.code, program.step ?? 'exec', program.path ?? request.argv[0] ?? '');
      }
      const pid = world.nextPid++;
      const slot: Slot = { entry: { name: request.name, pid, startTime: pid * 10 }, program };
      world.slots.push(slot);
      world.started.push(request);
      if (program.kind === 'ends') finishSoon(slot, program.end);
      return { pid, startTime: pid * 10 };
    },
    async signal(name, identity, signal, scope) {
      call(`signal ${name} ${identity.pid} ${signal} ${scope}`);
      const slot = findSlot(name, identity);
      if (slot === undefined) throw createFailure('ESRCH', 'kill', name);
      // What is left in a cgroup may outlive the process that was started in it.
      if (slot.entry.end !== undefined && scope !== 'cgroup') throw createFailure('ESRCH', 'kill', name);
      const { pid, startTime } = identity;
      world.signals.push({ name, pid, startTime, signal, scope });
      if (signal === 0) return;
      const end = endBy(slot.program, signal);
      if (end !== undefined) finishSoon(slot, end);
    },
    async forget(name, identity) {
      call(`forget ${name} ${identity.pid}`);
      const slot = findSlot(name, identity);
      if (slot === undefined) throw createFailure('ESRCH', 'forget', name);
      if (slot.entry.end === undefined) throw createFailure('EBUSY', 'forget', name);
      world.slots.splice(world.slots.indexOf(slot), 1);
    },
    async end(code) {
      call(`end ${code}`);
      world.exitCode = code;
    },
    onEvent(listener) {
      listeners.push(listener);
      if (world.terminating) setImmediate(() => world.face === own && listener({ kind: 'terminate' }));
    },
    running: () => world.slots.filter(({ entry }) => entry.end === undefined).map(({ entry }) => entry.name),
    find(name) {
      const slot = runningSlot(name);
      return slot && { ...slot.entry };
    },
    finish(name, end = { kind: 'exit', code: 0 }) {
      const slot = runningSlot(name);
      if (slot === undefined) throw new TypeError(`no process of the name ${name} runs`);
      finishSlot(slot, end);
    },
    tell(kind) {
      world.terminating ||= kind === 'terminate';
      emit({ kind });
    },
    takeOver: () => createFace(world),
  };
  return host;
}

function endBy(program: FakeProgram, signal: number): ProcessEnd | undefined {
  const bySignal: ProcessEnd = { kind: 'signal', signal, dumped: false };
  if (signal === constants.signals.SIGKILL || program.kind !== 'runs' || program.onSignal === undefined)
    return bySignal;
  return program.onSignal(signal);
}

function createFailure(code: keyof typeof constants.errno, syscall: string, path: string): NodeJS.ErrnoException {
  return Object.assign(new Error(`${syscall} ${code} ${path}`), { code, errno: -constants.errno[code], syscall, path });
}

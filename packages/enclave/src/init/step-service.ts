// One step of the machine of service-state.ts: a state and an event give the next state and what is to be done. Pure; an event
// that means nothing in a phase changes nothing.
import type { MeasuredService } from '@caisson/core/measured';
import { afterLaunch, calmMemory, HEALTHY_AFTER_MS, isSpent, takeDelay } from './back-off.ts';
import type {
  ServiceEffect,
  ServiceEvent,
  ServiceFault,
  ServiceMemory,
  ServiceState,
  StepContext,
} from './service-state.ts';

export type MachineTerms = Pick<
  MeasuredService,
  'restart' | 'restartDelayMs' | 'startLimit' | 'ready' | 'readyTimeoutMs' | 'stopTimeoutMs'
>;

export interface Step {
  readonly state: ServiceState;
  readonly effects: readonly ServiceEffect[];
}

// Chosen: SIGKILL does its work at once, unless the process is stuck in the kernel; then asking again costs nothing.
const killAgainMs = 1_000;

export function stepService(state: ServiceState, event: ServiceEvent, terms: MachineTerms, context: StepContext): Step {
  switch (state.phase) {
    case 'down':
    case 'exited':
    case 'failed':
    case 'waiting':
    case 'backoff':
      return stepWithout(state, event, terms, context);
    case 'launching':
      return stepLaunching(state, event, terms, context);
    case 'starting':
    case 'ready':
      return stepRunning(state, event, terms, context);
    case 'stopping':
      return stepStopping(state, event, terms, context);
  }
}

type Without = Extract<ServiceState, { phase: 'down' | 'waiting' | 'backoff' | 'exited' }> | Failed;
type Failed = Extract<ServiceState, { phase: 'failed' }>;
type Launching = Extract<ServiceState, { phase: 'launching' }>;
type Running = Extract<ServiceState, { phase: 'starting' | 'ready' }>;
type Stopping = Extract<ServiceState, { phase: 'stopping' }>;

function stepWithout(state: Without, event: ServiceEvent, terms: MachineTerms, { nowMs }: StepContext): Step {
  const { memory } = state;
  switch (event.kind) {
    case 'start':
    case 'restart': {
      if (state.phase === 'waiting') return stay(state);
      return to({ phase: 'waiting', memory: { ...calmMemory(memory, terms), recent: [] } });
    }
    case 'timer':
      return state.phase === 'backoff' ? to({ phase: 'waiting', memory }) : stay(state);
    case 'open': {
      if (state.phase !== 'waiting') return stay(state);
      return to({ phase: 'launching', next: 'run', memory: afterLaunch(memory, terms, nowMs) }, { kind: 'launch' });
    }
    case 'deny':
      if (state.phase !== 'waiting' && state.phase !== 'backoff') return stay(state);
      return to({ phase: 'failed', memory, fault: event.fault });
    case 'stop':
      return state.phase === 'down' ? stay(state) : to({ phase: 'down', memory });
    case 'adopt':
      // Taken over from a dead supervisor, whose launch counts here as one.
      return running(
        { memory: afterLaunch(memory, terms, nowMs), process: event.process, ready: event.ready },
        terms,
        nowMs,
      );
    default:
      return stay(state);
  }
}

function stepLaunching(state: Launching, event: ServiceEvent, terms: MachineTerms, context: StepContext): Step {
  const { memory } = state;
  switch (event.kind) {
    case 'stop':
      return to({ ...state, next: 'down' });
    case 'deny':
      return state.next === 'down' ? stay(state) : to({ ...state, next: event.fault });
    case 'start':
    case 'restart':
      // A start that is under way is new enough, unless a stop had been asked for.
      return state.next === 'run' ? stay(state) : to({ ...state, next: 'start' });
    case 'launched': {
      const { process } = event;
      if (state.next === 'run' || state.next === 'start')
        return running({ memory, process, ready: false }, terms, context.nowMs);
      return stopping({ memory, process, sinceMs: context.nowMs, next: state.next }, terms);
    }
    case 'refused':
      if (state.next === 'down') return to({ phase: 'down', memory });
      if (state.next === 'start') return to({ phase: 'waiting', memory });
      if (state.next !== 'run') return to({ phase: 'failed', memory, fault: state.next });
      // The kernel has no room at the moment, which is no fault of the service: neither its policy nor its StartLimit ends the attempts (R-I7).
      if (event.transient) return backOff(memory, terms, context);
      return again(memory, { code: 'service-failed' }, false, terms, context);
    default:
      return stay(state);
  }
}

function stepRunning(state: Running, event: ServiceEvent, terms: MachineTerms, context: StepContext): Step {
  const { memory, process, sinceMs } = state;
  switch (event.kind) {
    case 'ready':
      if (state.phase === 'ready') return stay(state);
      return to({ ...state, phase: 'ready' }, { kind: 'timer', delayMs: HEALTHY_AFTER_MS });
    case 'timer':
      if (state.phase === 'ready') return to({ ...state, memory: calmMemory(memory, terms) });
      return stopping({ memory, process, sinceMs, next: 'late' }, terms);
    case 'stop':
      return stopping({ memory, process, sinceMs, next: 'down' }, terms);
    case 'restart':
      return stopping({ memory, process, sinceMs, next: 'start' }, terms);
    case 'deny':
      return stopping({ memory, process, sinceMs, next: event.fault }, terms);
    case 'ended': {
      const ended = { ...memory, end: event.end };
      const wasReady = state.phase === 'ready';
      const isSuccess = wasReady && event.end.kind === 'exit' && event.end.code === 0;
      return again(ended, faultOf('service-exited', event.end), isSuccess, terms, context);
    }
    default:
      return stay(state);
  }
}

function stepStopping(state: Stopping, event: ServiceEvent, terms: MachineTerms, context: StepContext): Step {
  const { memory, process, next } = state;
  const kill = (): Step =>
    to({ ...state, killed: true }, { kind: 'signal', process, last: true }, { kind: 'timer', delayMs: killAgainMs });
  // A change of what comes next neither stops nor restarts the grace that is running.
  const instead = (next: Stopping['next']): Step => to({ ...state, next });
  switch (event.kind) {
    case 'timer':
    case 'kill':
      return kill();
    case 'stop':
      return instead('down');
    case 'start':
    case 'restart':
      return instead('start');
    case 'deny':
      return next === 'down' ? stay(state) : instead(event.fault);
    case 'ended': {
      const ended: ServiceMemory = { ...memory, end: event.end };
      if (next === 'down') return to({ phase: 'down', memory: ended });
      if (next === 'start') return to({ phase: 'waiting', memory: { ...calmMemory(ended, terms), recent: [] } });
      if (next !== 'late') return to({ phase: 'failed', memory: ended, fault: next });
      return again(ended, faultOf('service-not-ready', event.end), false, terms, context);
    }
    default:
      return stay(state);
  }
}

function running(
  { memory, process, ready }: { memory: ServiceMemory; process: Running['process']; ready: boolean },
  terms: MachineTerms,
  nowMs: number,
): Step {
  if (ready || terms.ready.kind === 'fork') {
    const healthy: ServiceEffect = { kind: 'timer', delayMs: HEALTHY_AFTER_MS };
    return to({ phase: 'ready', memory, process, sinceMs: nowMs }, healthy);
  }
  const late: ServiceEffect = { kind: 'timer', delayMs: terms.readyTimeoutMs };
  return to({ phase: 'starting', memory, process, sinceMs: nowMs }, { kind: 'probe' }, late);
}

function stopping(
  { memory, process, sinceMs, next }: Pick<Stopping, 'memory' | 'process' | 'sinceMs' | 'next'>,
  terms: MachineTerms,
): Step {
  const grace: ServiceEffect = { kind: 'timer', delayMs: terms.stopTimeoutMs };
  const signal: ServiceEffect = { kind: 'signal', process, last: false };
  return to({ phase: 'stopping', memory, process, sinceMs, next, killed: false }, signal, grace);
}

/** The process has ended by itself: it is started again, or stays ended. */
function again(
  memory: ServiceMemory,
  fault: ServiceFault,
  isSuccess: boolean,
  terms: MachineTerms,
  context: StepContext,
): Step {
  const { restart } = terms;
  const wanted =
    restart === 'always' || (restart === 'on-failure' && !isSuccess) || (restart === 'on-success' && isSuccess);
  if (!wanted) return to(isSuccess ? { phase: 'exited', memory } : { phase: 'failed', memory, fault });
  if (isSpent(memory, terms, context.nowMs))
    return to({ phase: 'failed', memory, fault: { ...fault, code: 'start-limit' } });
  return backOff(memory, terms, context);
}

function backOff(memory: ServiceMemory, terms: MachineTerms, { random }: StepContext): Step {
  const { delayMs, memory: next } = takeDelay(memory, terms, random);
  return to({ phase: 'backoff', memory: next }, { kind: 'timer', delayMs });
}

function faultOf(code: ServiceFault['code'], end: NonNullable<ServiceMemory['end']>): ServiceFault {
  return end.kind === 'exit' ? { code, exit: end.code } : { code, signal: end.signal };
}

function to(state: ServiceState, ...effects: ServiceEffect[]): Step {
  return { state, effects };
}

function stay(state: ServiceState): Step {
  return { state, effects: [] };
}

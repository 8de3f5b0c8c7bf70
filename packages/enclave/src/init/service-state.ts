// The life of one service.
//
// A service is in exactly one of nine phases, and at most one process of it exists in any of them: `launch` is an effect of the
// step from `waiting` to `launching` and of no other, and `waiting` is entered only when the last process is known to have ended.
//
//   down ──start──> waiting ──open──> launching ──launched──> starting ──ready──> ready
//    ^                 ^                  │ refused               │ ended, late      │ ended
//    │                 │                  v                       v                  v
//    │                 └──timer──────  backoff  <───── may be started again? ────────┤
//    │                                                     no, ended well: exited <──┤
//    └──ended── stopping <──stop── (any phase with a process)      no: failed <──────┘
//
// phase      process  leaves by
// down       none     start
// waiting    none     open (all it waits for is settled, all it requires is ready), deny (a requirement failed), stop
// launching  asked    launched, refused. What comes in between (stop, start) is kept in `next` until PID 1 has answered: only
//                     then is it known whether there is a process to stop.
// starting   one      ready (its probe says so), timer (ReadyTimeoutSec is over), ended, stop, restart, deny
// ready      one      ended, stop, restart, deny; timer after 60 s sets the back-off to its first delay again
// stopping   one      ended; timer: the grace is over, SIGKILL, again each second. `next` says what the end is for: `down`,
//                     `start` (a restart, or a start that came too early), `late` (it was not ready in time; as if it had
//                     failed), `deny` (what it requires has failed)
// backoff    none     timer: waiting, start: at once, stop
// exited     none     start, restart, stop. Ended with 0 and is not to be started again. For what requires it, it is as good as
//                     ready: it has done what it was for.
// failed     none     start, restart, stop; `fault` says why. A service that failed because of a requirement is started again
//                     when that is ready.
//
// A timer belongs to its phase: leaving the phase cancels it. An `ended` or `launched` of another process than the one
// that the state names never reaches the machine (supervisor.ts).
//
// A process that ends before its probe said ready has failed, whatever its code; `fork` is ready as soon as it runs. StartLimit
// counts launches within its window; asking by hand forgets them, and the back-off.
import type { ReasonCode } from '@caisson/link/ready';
import type { ProcessEnd, ProcessIdentity } from '@caisson/sys';

/** Why a service is not what it was asked to be. */
export interface ServiceFault {
  readonly code: ReasonCode;
  readonly exit?: number;
  readonly signal?: number;
  /** What it requires and cannot have. */
  readonly requirement?: string;
}

/** What outlives the phases. */
export interface ServiceMemory {
  /** Of this boot. */
  readonly launches: number;
  /** The next delay, before jitter. */
  readonly delayMs: number;
  /** Clock times of the launches that StartLimit counts. */
  readonly recent: readonly number[];
  readonly end: ProcessEnd | null;
}

export type ServiceState = { readonly memory: ServiceMemory } & (
  | { readonly phase: 'down' | 'waiting' | 'backoff' | 'exited' }
  | { readonly phase: 'launching'; readonly next: 'run' | 'down' | 'start' | ServiceFault }
  | { readonly phase: 'starting' | 'ready'; readonly process: ProcessIdentity; readonly sinceMs: number }
  | {
      readonly phase: 'stopping';
      readonly process: ProcessIdentity;
      readonly sinceMs: number;
      readonly next: 'down' | 'start' | 'late' | ServiceFault;
      readonly killed: boolean;
    }
  | { readonly phase: 'failed'; readonly fault: ServiceFault }
);

export type ServiceEvent =
  | { readonly kind: 'start' | 'open' | 'ready' | 'timer' | 'stop' | 'restart' | 'kill' }
  | { readonly kind: 'deny'; readonly fault: ServiceFault }
  | { readonly kind: 'launched'; readonly process: ProcessIdentity }
  /** PID 1 could not start it; `transient`: for want of room in the kernel. */
  | { readonly kind: 'refused'; readonly transient: boolean }
  | { readonly kind: 'ended'; readonly end: ProcessEnd }
  /** Found running by a new supervisor. */
  | { readonly kind: 'adopt'; readonly process: ProcessIdentity; readonly ready: boolean };

export type ServiceEffect =
  | { readonly kind: 'launch' }
  /** Look for readiness until the phase is left. */
  | { readonly kind: 'probe' }
  | { readonly kind: 'timer'; readonly delayMs: number }
  /** `last`: SIGKILL to all that KillMode names; otherwise StopSignal. */
  | { readonly kind: 'signal'; readonly process: ProcessIdentity; readonly last: boolean };

/** What a step is taken with, besides the state and the event. */
export interface StepContext {
  readonly nowMs: number;
  /** 0..1, for the jitter of a delay. */
  readonly random: number;
}

export type PhaseName = ServiceState['phase'];

/** A process of it exists, or PID 1 was asked for one. */
export function isActive({ phase }: ServiceState): boolean {
  return phase === 'launching' || phase === 'starting' || phase === 'ready' || phase === 'stopping';
}

export function processOf(state: ServiceState): ProcessIdentity | undefined {
  return 'process' in state ? state.process : undefined;
}

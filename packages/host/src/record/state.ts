// What is so: `enclaves/NAME/state.json` (docs/wire/state.md), written by the shim and by nobody else. Not a word of it is proof of anything:
// whoever wants to know what runs opens a session and checks a document.
import type { BackendKind, DocumentOrigin } from '../backend/index.ts';

/**
 * starting  the shim looks at image, machine, ports        booting   from the first instruction to the heartbeat
 * config, services, ready, degraded, stopping, failed       the enclave's own words on its ready line
 * waiting   between an end and the next start (back-off)    stopped   asked to end, and did
 * exited    ended by itself                                 lost      the shim is gone without a word: never written, only read
 */
export const ENCLAVE_PHASES = [
  'starting',
  'booting',
  'config',
  'services',
  'ready',
  'degraded',
  'stopping',
  'waiting',
  'stopped',
  'exited',
  'failed',
  'lost',
] as const;
export type EnclavePhase = (typeof ENCLAVE_PHASES)[number];

/** In these phases nothing of the enclave runs (of one that is `lost`, nothing that this host knows of). */
export const ENDED_PHASES: readonly EnclavePhase[] = ['stopped', 'exited', 'failed', 'lost'];

export interface RecordedState {
  readonly v: 1;
  readonly name: string;
  readonly phase: EnclavePhase;
  /** When the phase began, RFC 3339. */
  readonly since: string;
  readonly backend: BackendKind;
  /** Null until it has one. */
  readonly cid: number | null;
  /** How this host reaches it, as CAISSON_VSOCK has it. */
  readonly vsock: string | null;
  /** Processes on this machine that make up the enclave. */
  readonly pids: readonly number[];
  readonly shim: { readonly pid: number; readonly start: string; readonly protocol: number; readonly version: string };
  /** Id of this boot, as the ready line gives it. */
  readonly bootId: string | null;
  readonly startedAt: string | null;
  /** Time from the start of this boot to the heartbeat. */
  readonly heartbeatMs: number | null;
  readonly readyMs: number | null;
  /** How often the shim has started the enclave again. */
  readonly restarts: number;
  /** Reasons for the phase, from the ready line or the shim, each as `CODE service exit N`. */
  readonly reasons: readonly string[];
  readonly configSha384: string | null;
  readonly documents: DocumentOrigin | null;
  /** What of the image or the spec does not apply on this backend, one sentence each. */
  readonly departures: readonly string[];
  /** How the last boot ended. `exit` is null where no exit code was seen (docs/pid1.md). */
  readonly end: {
    readonly at: string;
    readonly exit: number | null;
    readonly byHost: boolean;
    readonly text: string;
  } | null;
  /** Why it failed, in one sentence, with what to try. */
  readonly failure: { readonly code: string; readonly message: string; readonly hint: string | null } | null;
}

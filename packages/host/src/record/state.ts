// What is so: `enclaves/NAME/state.json` (wire.md 10), written by the shim and by nobody else. Not a word of it is proof of anything: whoever wants
// to know what runs opens a session and checks a document.
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

/** Nothing of the enclave runs. */
export const ENDED_PHASES: readonly EnclavePhase[] = ['stopped', 'exited', 'failed', 'lost'];

export interface RecordedState {
  readonly v: 1;
  readonly name: string;
  readonly phase: EnclavePhase;
  /** RFC 3339, of the phase. */
  readonly since: string;
  readonly backend: BackendKind;
  /** Null before it has one. */
  readonly cid: number | null;
  /** How this host reaches it, as CAISSON_VSOCK has it. */
  readonly vsock: string | null;
  /** Processes of this machine that are the enclave. */
  readonly pids: readonly number[];
  readonly shim: { readonly pid: number; readonly start: string; readonly protocol: number; readonly version: string };
  /** Of this boot, as the ready line has it. */
  readonly bootId: string | null;
  readonly startedAt: string | null;
  /** From the start of this boot. */
  readonly heartbeatMs: number | null;
  readonly readyMs: number | null;
  /** Starts again since the shim began. */
  readonly restarts: number;
  /** Of the ready line or of the shim, `CODE service exit N` each. */
  readonly reasons: readonly string[];
  readonly configSha384: string | null;
  readonly documents: DocumentOrigin | null;
  /** What of the image or the spec does not hold here. */
  readonly departures: readonly string[];
  /** Of the last boot that ended. `exit` only where it was seen (wire.md 4). */
  readonly end: {
    readonly at: string;
    readonly exit: number | null;
    readonly byHost: boolean;
    readonly text: string;
  } | null;
  /** Why it failed, in one sentence, with what to try. */
  readonly failure: { readonly code: string; readonly message: string; readonly hint: string | null } | null;
}

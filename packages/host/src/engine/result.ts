// The result of each verb, one type each. Plain data that a front end prints or sends on.
import type { BackendKind } from '../backend/index.ts';
import type { ImageMeasurements } from '../image/index.ts';
import type { EnclaveRecord, RecordedSpec, RecordedState } from '../record/index.ts';
import type { UpPhase } from './event.ts';

/**
 * ready      it says so, and `verdict` says whether it was proven    started    the shim has taken it; nobody waited
 * failed     it did not come up, or not as its file wants it         late       not ready in time
 * refused    it is not the image that was asked for, or its proof does not hold
 * skipped    an enclave that it waits for did not come up
 */
export type UpOutcomeKind = 'ready' | 'started' | 'failed' | 'late' | 'refused' | 'skipped';

export interface PhaseTime {
  readonly phase: UpPhase;
  /** How long the phase took. */
  readonly ms: number;
  readonly note: string | null;
}

/** Why an enclave is not what was asked for: one cause, what was seen, one thing to try. */
export interface UpFailure {
  readonly code: string;
  readonly message: string;
  readonly hint: string | null;
  /** Its last words, how it ended, the end of its console; safe to print. */
  readonly evidence: readonly Evidence[];
}

export interface Evidence {
  readonly what: string;
  readonly lines: readonly string[];
}

/** What an operator's session found. `holds` concerns a document of this very enclave, checked against a policy of this side. */
export type Verdict =
  | {
      readonly holds: true;
      readonly simulated: boolean;
      /** The policy that it was held to. */
      readonly policy: string;
      /** The operator whose key was used. */
      readonly operator: string;
      readonly pcrs: Readonly<Record<string, string>>;
    }
  | { readonly holds: false; readonly why: string; readonly hint: string | null; readonly broken: boolean };

export interface UpOutcome {
  readonly name: string;
  readonly kind: UpOutcomeKind;
  /** True if it ran already as it was asked for. */
  readonly unchanged: boolean;
  /** Why it was started again: one sentence for each difference. */
  readonly changes: readonly string[];
  readonly backend: BackendKind | null;
  readonly cid: number | null;
  readonly image: { readonly path: string; readonly measurements: ImageMeasurements } | null;
  readonly profile: 'development' | 'production' | null;
  readonly debug: boolean;
  /** `127.0.0.1:8080 -> 3000`. */
  readonly ingress: readonly string[];
  /** The phases that it has passed. */
  readonly phases: readonly PhaseTime[];
  readonly failedIn: UpPhase | null;
  /** From the start of the boot to ready. */
  readonly readyMs: number | null;
  /** Null where the enclave did not become ready, so that it could not be asked. */
  readonly verdict: Verdict | null;
  readonly failure: UpFailure | null;
}

export interface UpResult {
  readonly enclaves: readonly UpOutcome[];
}

export interface EndedEnclave {
  readonly name: string;
  /** True if this command ended it. */
  readonly wasRunning: boolean;
  /** How it ended, in words; null where it was not known to run. */
  readonly end: string | null;
  readonly removed: boolean;
  /** Why it could not be ended or removed. */
  readonly failure: { readonly code: string; readonly message: string; readonly hint: string | null } | null;
}

export interface EndResult {
  readonly enclaves: readonly EndedEnclave[];
}

export interface InspectResult {
  readonly name: string;
  readonly spec: RecordedSpec | null;
  readonly state: RecordedState | null;
  readonly folder: string;
  readonly image: {
    readonly path: string;
    readonly present: boolean;
    readonly bytes: number | null;
  } | null;
  /** The policy that `up` wrote for it; null where there is none. */
  readonly policyFile: string | null;
  readonly ingress: readonly string[];
  readonly egress: readonly { readonly destination: string; readonly hostPort: number | null }[];
  readonly fault: { readonly code: string; readonly message: string; readonly hint: string | null } | null;
}

export interface WaitResult {
  readonly name: string;
  readonly reached: boolean;
  readonly state: RecordedState;
  readonly waitedMs: number;
}

export interface ComparedPcr {
  readonly index: number;
  readonly built: string | null;
  readonly running: string | null;
  readonly equal: boolean;
}

export interface CompareResult {
  readonly name: string;
  readonly equal: boolean;
  /** True in debug mode, where the registers are zeros. */
  readonly debug: boolean;
  readonly simulated: boolean;
  readonly pcrs: readonly ComparedPcr[];
}

/**
 * built      an image that `up` or `run` built, of no enclave     image      an image of the store, without a name
 * record     of an enclave that has ended                         temporary  what a killed process had begun
 * remains    what an enclave left whose process was killed
 */
export type PrunedKind = 'built' | 'image' | 'record' | 'temporary' | 'remains';

export interface Pruned {
  readonly kind: PrunedKind;
  /** The name of an enclave, the id of an image or the name of a file. */
  readonly what: string;
  readonly path: string;
  readonly bytes: number;
}

export interface PruneResult {
  readonly dryRun: boolean;
  /** What was removed; with `dryRun`, what would be. */
  readonly removed: readonly Pruned[];
  readonly bytes: number;
  /** What was left because it could not be removed, or because nobody could tell whether it is needed. */
  readonly failures: readonly {
    readonly path: string;
    readonly code: string;
    readonly message: string;
    readonly hint: string | null;
  }[];
}

export interface EngineResults {
  readonly prune: PruneResult;
  readonly up: UpResult;
  readonly run: UpOutcome;
  readonly down: EndResult;
  readonly stop: EndResult;
  readonly restart: UpResult;
  readonly remove: EndResult;
  readonly inspect: InspectResult;
  readonly list: readonly EnclaveRecord[];
  readonly wait: WaitResult;
  readonly compare: CompareResult;
}

// What starts enclaves, as the engine sees it: one interface, and a contract suite that every implementation passes. A start ends with the
// heartbeat of PID 1 or with an error that says how far it came; whether the enclave is *ready* is asked afterwards, over `transport`.
import type { Cid } from '@caisson/core/address';
import type { Transport } from '@caisson/link/transport';
import type { ImageMeasurements } from '../image/index.ts';
import type { EnclaveConsole } from './console.ts';
import type { EnclaveEnd } from './end.ts';

export type BackendKind = 'sim' | 'qemu' | 'nitro';

export type CpuChoice = { readonly count: number } | { readonly ids: readonly number[] };

export interface EnclaveSpec {
  /** `^[a-z][a-z0-9-]{0,62}$` (docs/wire/state.md). */
  readonly name: string;
  /** Path of an image file. */
  readonly image: string;
  /** What the image must measure; another image under the same path is not started (P-G3). Default: any image is. */
  readonly measurements?: ImageMeasurements;
  /** Default: the next free one. */
  readonly cid?: number;
  readonly memoryMiB: number;
  readonly cpus: CpuChoice;
  /** As on Nitro: the console can be read, and PCR0 to PCR2 are zero. Default false. */
  readonly debug?: boolean;
  /** Deadline of the heartbeat, counted from the start of this boot, without the wait for another one. Default 60,000. */
  readonly bootMs?: number;
  /**
   * If the process that starts the enclave is killed, another one will take the enclave over (`adopt`), so other starts leave it alone. Without
   * meaning on backends where enclaves end with the process that started them. Default false.
   */
  readonly isKept?: boolean;
  /** Gives up the start; then nothing is left of it. */
  readonly signal?: AbortSignal;
  /**
   * Called and awaited when the enclave has its CID and before it runs, so that everything that it will dial can be opened. If it throws, the start
   * ends.
   */
  onPlace?(place: EnclavePlace): Promise<void>;
  /**
   * Called right before the first instruction, after any wait for another boot. `console` is given where it can be read from here on: a boot that
   * hangs is looked at while it does.
   */
  onBoot?(console?: EnclaveConsole): void;
}

/** Where an enclave can be reached. */
export interface EnclavePlace {
  readonly cid: Cid;
  /** The parent's side of the wall. It is host-wide: each port has one listener. */
  readonly transport: Transport;
  /** The same for other processes, in the form of CAISSON_VSOCK. */
  readonly vsock: string;
}

/** Who signs the documents of these enclaves. This is for display: which root a verifier trusts is its own policy's decision. */
export type DocumentOrigin =
  /** A root made on this machine. It proves nothing but a simulation. */
  | { readonly kind: 'simulated'; readonly rootPem: string; readonly rootSha256: string }
  /** Documents without a signature, which no verifier accepts. */
  | { readonly kind: 'unsigned' }
  | { readonly kind: 'aws' };

export interface RunningEnclave extends EnclavePlace {
  readonly name: string;
  readonly backend: BackendKind;
  /** Processes on this machine that make up the enclave; its first process stands first where it is one of them. */
  readonly pids: readonly number[];
  /** Those of the image, even where `debug` makes the registers zero. */
  readonly measurements: ImageMeasurements;
  readonly documents: DocumentOrigin;
  /** Time from the start to the heartbeat. */
  readonly bootMs: number;
  readonly console: EnclaveConsole;
  /** What of the image or the spec does not apply here, one sentence each. */
  readonly departures: readonly string[];
  /** Resolves when nothing of it is left: no process, mount, socket or file. Never rejects. */
  readonly ended: Promise<EnclaveEnd>;
  /** Asks the enclave to end, and ends it after `graceMs` (default 40,000). A backend without a way to ask ends it at once. */
  stop(graceMs?: number): Promise<EnclaveEnd>;
  kill(): Promise<EnclaveEnd>;
}

export interface BackendCapabilities {
  /** True if `stop` reaches the enclave as a signal, so that it can end in order. */
  readonly stopsInOrder: boolean;
  /** True if the console can be read without `debug`. */
  readonly consoleAlways: boolean;
  /** What the memory of a spec is a bound of. */
  readonly memory: 'machine' | 'processes' | 'files';
  readonly cpuIds: boolean;
  /** True if users inside differ from those outside, and `User=` of a service is applied. */
  readonly users: boolean;
}

export interface Backend {
  readonly kind: BackendKind;
  readonly capabilities: BackendCapabilities;
  /** What this machine lacks for the backend, each with how to get it. Empty: enclaves can be started. */
  findMissing(): Promise<readonly MissingPart[]>;
  /** How these enclaves differ from hardware, one sentence each. Printed with the first start. */
  describeDifferences(): readonly string[];
  /**
   * Resolves at the heartbeat. Throws CaissonError BACKEND_UNAVAILABLE, LimitError BACKEND_CAPACITY, CaissonError BACKEND_CID, PolicyError
   * BACKEND_IMAGE, VerificationError BACKEND_MEASUREMENTS, BootError BACKEND_BOOT or BACKEND_LATE, and what reading the image throws; nothing is left then.
   */
  start(spec: EnclaveSpec): Promise<RunningEnclave>;
  /**
   * What an earlier process started under `spec.name` and still runs, taken over; undefined where nothing does. Only a backend whose enclaves
   * outlive their starter has it (nitro); those of the others end with it. Throws what `start` throws when what runs is not the image.
   */
  adopt?(spec: EnclaveSpec): Promise<RunningEnclave | undefined>;
  /**
   * Ends what earlier processes started under `name` and still runs, whatever it is: how many that were. Where enclaves end with their starter that is
   * none, and what is left of them is removed.
   */
  endLeft?(name: string): Promise<number>;
}

export interface MissingPart {
  readonly what: string;
  readonly get: string;
}

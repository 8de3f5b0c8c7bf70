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
  /** `^[a-z][a-z0-9-]{0,62}$` (wire.md 10). */
  readonly name: string;
  /** Path of an image file. */
  readonly image: string;
  /** What it must measure; another image under this path is not started (P-G3). Default: whatever it does. */
  readonly measurements?: ImageMeasurements;
  /** Default: the pool's next. */
  readonly cid?: number;
  readonly memoryMiB: number;
  readonly cpus: CpuChoice;
  /** As on Nitro: a console, and PCR0 to PCR2 are zero. Default false. */
  readonly debug?: boolean;
  /** Until the heartbeat, the wait for another boot not counted. Default 60,000. */
  readonly bootMs?: number;
  /**
   * Whoever starts it comes back for it when he is killed (`adopt`): other starts leave it alone. Without meaning where enclaves end with their
   * starter. Default false.
   */
  readonly isKept?: boolean;
  /** Gives the start up; nothing is left of it. */
  readonly signal?: AbortSignal;
  /** Awaited once the enclave has its CID and before it runs: what it will dial stands then. What it throws ends the start. */
  onPlace?(place: EnclavePlace): Promise<void>;
  /** Right before the first instruction: the wait for another boot is over. */
  onBoot?(): void;
}

/** Where an enclave will be, or is. */
export interface EnclavePlace {
  readonly cid: Cid;
  /** The parent's side of the wall, host-wide: a port of it has one listener. */
  readonly transport: Transport;
  /** `transport` for other processes, as CAISSON_VSOCK has it. */
  readonly vsock: string;
}

/** Whose signature documents of these enclaves bear. What a verifier trusts is its own policy's business, never this. */
export type DocumentOrigin =
  /** A root made here, in the PEM. Nothing but a simulation is proved by it. */
  | { readonly kind: 'simulated'; readonly rootPem: string; readonly rootSha256: string }
  /** Nobody's: no verifier takes them. */
  | { readonly kind: 'unsigned' }
  | { readonly kind: 'aws' };

export interface RunningEnclave extends EnclavePlace {
  readonly name: string;
  readonly backend: BackendKind;
  /** Processes of this machine that are the enclave, its first process first where it has one here. */
  readonly pids: readonly number[];
  /** Of the image, whatever `debug` makes of the registers. */
  readonly measurements: ImageMeasurements;
  readonly documents: DocumentOrigin;
  /** From the start until the heartbeat. */
  readonly bootMs: number;
  readonly console: EnclaveConsole;
  /** What of the image or the spec does not hold here, one sentence each; empty where all does. */
  readonly departures: readonly string[];
  /** Resolves when nothing of it is left: no process, mount, socket or file. Never rejects. */
  readonly ended: Promise<EnclaveEnd>;
  /** Asks it to end, and ends it after `graceMs` (default 40,000). A backend that cannot ask ends it at once. */
  stop(graceMs?: number): Promise<EnclaveEnd>;
  kill(): Promise<EnclaveEnd>;
}

export interface BackendCapabilities {
  /** `stop` reaches the enclave as a signal does, and it can end in order. */
  readonly stopsInOrder: boolean;
  /** The console can be read without `debug`. */
  readonly consoleAlways: boolean;
  /** What the memory figure bounds. */
  readonly memory: 'machine' | 'processes' | 'files';
  readonly cpuIds: boolean;
  /** Users inside are users of their own, and `User=` of a service is applied. */
  readonly users: boolean;
}

export interface Backend {
  readonly kind: BackendKind;
  readonly capabilities: BackendCapabilities;
  /** What is missing here, each with how to get it; empty: enclaves can be started. */
  findMissing(): Promise<readonly MissingPart[]>;
  /** How these enclaves differ from hardware, one sentence each; printed once to whoever starts the first. */
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

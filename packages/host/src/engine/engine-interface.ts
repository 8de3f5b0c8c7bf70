// The engine as a command line or another front end sees it.
import type { BackendKind, MissingPart } from '../backend/index.ts';
import type { IngressRule } from '../compose/index.ts';
import type { ShimClient } from '../shim/index.ts';
import type { EngineCommand, EngineVerb } from './command.ts';
import type { OnEvent } from './event.ts';
import type { EngineResults } from './result.ts';

export interface EngineWatch {
  readonly onEvent?: OnEvent;
  /** Stops waiting. Enclaves that run go on running. */
  readonly signal?: AbortSignal;
}

export interface Engine {
  /** The state folder. */
  readonly state: string;
  /**
   * A failure of one of several enclaves is in its result. Faults of the command itself are thrown: files with faults, unknown names, a state
   * folder of another version. Rejects with the reason of `signal` when that is aborted.
   */
  execute<Verb extends EngineVerb>(
    command: Extract<EngineCommand, { readonly verb: Verb }>,
    watch?: EngineWatch,
  ): Promise<EngineResults[Verb]>;
}

export interface StartShimOptions {
  readonly state: string;
  readonly name: string;
  /** The words that start this program again: interpreter, its options, script. */
  readonly words: readonly string[];
  readonly env: Readonly<Record<string, string | undefined>>;
}

/** How shims are started and reached; tests bring their own. */
export interface ShimDoor {
  start(options: StartShimOptions): Promise<ShimClient>;
  /** Undefined where the enclave has no living shim. */
  open(state: string, name: string): Promise<ShimClient | undefined>;
  /** Ends what a killed shim has left running, on a backend where an enclave outlives its shim. */
  endLeft(options: StartShimOptions): Promise<void>;
}

/** The checks of this machine that are made before anything is built. */
export interface HostLook {
  /** What the machine lacks for the backend, each part with how to get it. */
  findMissing(backend: BackendKind): Promise<readonly MissingPart[]>;
  /** Throws CaissonError SHIM_PORT, which names the holder of the port. */
  requirePort(enclave: string, rule: IngressRule): Promise<void>;
}

export interface EngineOptions {
  readonly env: Readonly<Record<string, string | undefined>>;
  /** The words that start this program again, as a shim. */
  readonly words: readonly string[];
  /** Version of this program; it stands in what is built. */
  readonly version: string;
  readonly shims?: ShimDoor;
  /** Without it nothing is checked beforehand, and what the machine lacks is found out by the start. */
  readonly host?: HostLook;
}

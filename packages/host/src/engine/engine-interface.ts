// The engine as front ends see it.
import type { BackendKind, MissingPart } from '../backend/index.ts';
import type { IngressRule } from '../compose/index.ts';
import type { ShimClient } from '../shim/index.ts';
import type { EngineCommand, EngineVerb } from './command.ts';
import type { OnEvent } from './event.ts';
import type { EngineResults } from './result.ts';

export interface EngineWatch {
  readonly onEvent?: OnEvent;
  /** Gives waiting up. What runs goes on running. */
  readonly signal?: AbortSignal;
}

export interface Engine {
  /** The state folder. */
  readonly state: string;
  /**
   * What went wrong with one of several enclaves is in its result; what was wrong with the command is thrown: faults of files, names that nobody
   * has, a state folder of another version. Rejects with the reason of `signal` when that is aborted.
   */
  execute<Verb extends EngineVerb>(
    command: Extract<EngineCommand, { readonly verb: Verb }>,
    watch?: EngineWatch,
  ): Promise<EngineResults[Verb]>;
}

export interface StartShimOptions {
  readonly state: string;
  readonly name: string;
  /** That start this program once more. */
  readonly words: readonly string[];
  readonly env: Readonly<Record<string, string | undefined>>;
}

/** How shims are reached; tests hand in others. */
export interface ShimDoor {
  start(options: StartShimOptions): Promise<ShimClient>;
  /** Undefined: nobody there. */
  open(state: string, name: string): Promise<ShimClient | undefined>;
  /** Ends what a shim that was killed has left running, where it outlives one. */
  endLeft(options: StartShimOptions): Promise<void>;
}

/** This machine, as far as it is looked at before anything is built for it. */
export interface HostLook {
  /** Each with how to get it. */
  findMissing(backend: BackendKind): Promise<readonly MissingPart[]>;
  /** Throws CaissonError SHIM_PORT with the name of whoever has it. */
  requirePort(enclave: string, rule: IngressRule): Promise<void>;
}

export interface EngineOptions {
  readonly env: Readonly<Record<string, string | undefined>>;
  /** That start this program once more, for shims. */
  readonly words: readonly string[];
  /** Of this program: stands in what is built. */
  readonly version: string;
  readonly shims?: ShimDoor;
  /** Without it what this machine lacks is found out by the start. */
  readonly host?: HostLook;
}

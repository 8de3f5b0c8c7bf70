// Everything that can be asked of the engine, as one closed union: a command line, a REST call or a test says one of these, and nothing else.
// Paths are as their caller sees them; the engine makes them absolute.
import type { BackendKind, CpuChoice } from '../backend/index.ts';
import type { RestartPolicy } from '../record/index.ts';

export type BackendChoice = BackendKind | 'auto';

/** Brings every enclave of a caisson.yaml, or the named ones and those that they depend on, to ready. */
export interface UpCommand {
  readonly verb: 'up';
  /** Path of the caisson.yaml; `-` is standard input. */
  readonly file: string;
  /** Enclaves of the file; empty means all. */
  readonly names: readonly string[];
  /** Values for `${NAME}` in the file. */
  readonly variables: Readonly<Record<string, string | undefined>>;
  /** Overrides the backend of the file. */
  readonly backend?: BackendChoice;
  /** Per enclave, from its start until ready; overrides the file's `ready.timeout`. */
  readonly timeoutMs?: number;
  /** Returns as soon as the shims have accepted the enclaves, without waiting for ready. */
  readonly detach: boolean;
}

/** Starts one enclave without a caisson.yaml. */
export interface RunCommand {
  readonly verb: 'run';
  /** An image file, NAME:VERSION of the store, or a source, which is built first. */
  readonly image: string;
  /** Default: the image's own name, with a number if that is taken. */
  readonly name?: string;
  /** Only for a source: the command of an image that exists already is measured and cannot be changed. */
  readonly command: readonly string[];
  /** Only for a source. Default `development`. */
  readonly profile?: 'development' | 'production';
  /** Only for a source: `operators.local` of its settings. The default in development is the key of this machine that rbuilds uses too. */
  readonly operator?: string;
  readonly backend: BackendChoice;
  readonly cpus?: CpuChoice;
  readonly memoryMiB?: number;
  readonly cid?: number;
  readonly debug: boolean;
  /** `[[ADDRESS:]HOSTPORT:]PORT`. */
  readonly ingress: readonly string[];
  /** `HOST:PORT`. */
  readonly egress: readonly string[];
  /** Path of a boot config. */
  readonly config?: string;
  readonly restart: RestartPolicy;
  readonly labels: Readonly<Record<string, string>>;
  readonly timeoutMs?: number;
  readonly detach: boolean;
}

/** Ends enclaves in reverse order of their dependencies, and removes their records. */
export interface DownCommand {
  readonly verb: 'down';
  readonly which:
    | { readonly kind: 'file'; readonly file: string; readonly variables: UpCommand['variables'] }
    | { readonly kind: 'names'; readonly names: readonly string[] }
    | { readonly kind: 'all' };
  readonly graceMs?: number;
  /** Also removes the images that `up` built. */
  readonly images: boolean;
}

export interface StopCommand {
  readonly verb: 'stop';
  readonly names: readonly string[];
  /** How long an enclave may take to end in order; 0 ends it at once. */
  readonly graceMs?: number;
}

/** Ends enclaves and starts them again from their records. One that does not run is started. */
export interface RestartCommand {
  readonly verb: 'restart';
  readonly names: readonly string[];
  readonly graceMs?: number;
  readonly timeoutMs?: number;
}

export interface RemoveCommand {
  readonly verb: 'remove';
  readonly names: readonly string[];
  /** Ends a running enclave before its record is removed. */
  readonly force: boolean;
}

export interface InspectCommand {
  readonly verb: 'inspect';
  readonly name: string;
}

export interface ListCommand {
  readonly verb: 'list';
}

/** Waits until an enclave of this host is ready, or has ended. */
export interface WaitCommand {
  readonly verb: 'wait';
  readonly name: string;
  readonly until: 'ready' | 'ended';
  readonly timeoutMs: number;
}

/** Compares the PCRs that were built with those of a proven document. */
export interface CompareCommand {
  readonly verb: 'compare';
  readonly name: string;
  readonly operator?: string;
  readonly policyFile?: string;
  readonly composeFile?: string;
}

/** Removes what nobody needs any more: images, temporaries, remains of enclaves. */
export interface PruneCommand {
  readonly verb: 'prune';
  /** Only lists what would be removed. */
  readonly dryRun: boolean;
  /** Also removes records of ended enclaves, and then the images that only those named. */
  readonly ended: boolean;
}

export type EngineCommand =
  | UpCommand
  | RunCommand
  | DownCommand
  | StopCommand
  | RestartCommand
  | RemoveCommand
  | InspectCommand
  | ListCommand
  | WaitCommand
  | CompareCommand
  | PruneCommand;

export type EngineVerb = EngineCommand['verb'];

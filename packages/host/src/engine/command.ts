// Everything that can be asked of the engine, as one closed union: a command line, a REST call or a test says one of these, and nothing else.
// Paths are as their caller sees them; the engine makes them absolute.
import type { BackendKind, CpuChoice } from '../backend/index.ts';
import type { RestartPolicy } from '../record/index.ts';

export type BackendChoice = BackendKind | 'auto';

/** Every enclave of a caisson.yaml, or the named ones and what they wait for, to ready. */
export interface UpCommand {
  readonly verb: 'up';
  /** caisson.yaml. */
  readonly file: string;
  /** Empty: all. */
  readonly names: readonly string[];
  /** What `${NAME}` stands for in it. */
  readonly variables: Readonly<Record<string, string | undefined>>;
  /** Over the file's. */
  readonly backend?: BackendChoice;
  /** Of each enclave, from its start until ready; over the file's. */
  readonly timeoutMs?: number;
  /** Returns once the shims have taken the enclaves, without waiting for ready. */
  readonly detach: boolean;
}

/** One enclave without a caisson.yaml. */
export interface RunCommand {
  readonly verb: 'run';
  /** An image file, NAME:VERSION of the store, or a source that is built first. */
  readonly image: string;
  /** Default: what the image calls itself, with a number where that is taken. */
  readonly name?: string;
  /** Of an image that is built from a source; that of a built one is measured. */
  readonly command: readonly string[];
  /** Of an image that is built from a source. Default development. */
  readonly profile?: 'development' | 'production';
  /** Of an image that is built from a source: `operators.local`. Default in development: the key that rbuilds' images have too. */
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
  /** A boot config. */
  readonly config?: string;
  readonly restart: RestartPolicy;
  readonly labels: Readonly<Record<string, string>>;
  readonly timeoutMs?: number;
  readonly detach: boolean;
}

/** Ends enclaves, those that wait for others first, and removes their records. */
export interface DownCommand {
  readonly verb: 'down';
  readonly which:
    | { readonly kind: 'file'; readonly file: string; readonly variables: UpCommand['variables'] }
    | { readonly kind: 'names'; readonly names: readonly string[] }
    | { readonly kind: 'all' };
  readonly graceMs?: number;
  /** The images that `up` built go too. */
  readonly images: boolean;
}

export interface StopCommand {
  readonly verb: 'stop';
  readonly names: readonly string[];
  /** Until it is ended; 0: at once. */
  readonly graceMs?: number;
}

/** As it was asked for; one that does not run is started. */
export interface RestartCommand {
  readonly verb: 'restart';
  readonly names: readonly string[];
  readonly graceMs?: number;
  readonly timeoutMs?: number;
}

export interface RemoveCommand {
  readonly verb: 'remove';
  readonly names: readonly string[];
  /** Ends what runs first. */
  readonly force: boolean;
}

export interface InspectCommand {
  readonly verb: 'inspect';
  readonly name: string;
}

export interface ListCommand {
  readonly verb: 'list';
}

/** Until an enclave of this host is ready, or has ended. */
export interface WaitCommand {
  readonly verb: 'wait';
  readonly name: string;
  readonly until: 'ready' | 'ended';
  readonly timeoutMs: number;
}

/** The PCRs that were built beside those that a proven document has. */
export interface CompareCommand {
  readonly verb: 'compare';
  readonly name: string;
  readonly operator?: string;
  readonly policyFile?: string;
  readonly composeFile?: string;
}

/** What nobody needs any more: images, temporaries, what enclaves have left. */
export interface PruneCommand {
  readonly verb: 'prune';
  /** Nothing is changed. */
  readonly dryRun: boolean;
  /** Records of enclaves that have ended too, and with them the images that they alone name. */
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

// /etc/caisson/services.json: service files, checked and compiled by the builder, so that a fault is a failed build and never a
// dead enclave.

export type RestartPolicy = 'no' | 'always' | 'on-failure' | 'on-success';
export type KillMode = 'control-group' | 'process' | 'mixed';

/** How a service says that it is ready; `fork`: it is as soon as it runs. */
export type Readiness =
  | { readonly kind: 'fork' }
  | { readonly kind: 'notify' }
  | { readonly kind: 'port'; readonly port: number }
  | { readonly kind: 'http'; readonly port: number; readonly path: string }
  | { readonly kind: 'file'; readonly path: string }
  | { readonly kind: 'action'; readonly transport: 'vsock' | 'tcp'; readonly port: number };

export interface MeasuredService {
  /** `^[a-z][a-z0-9-]{0,62}$` plus what the reference allows in a file stem; never a path. */
  readonly name: string;
  readonly argv: readonly string[];
  readonly environment: Readonly<Record<string, string>>;
  readonly enabled: boolean;
  readonly workingDirectory: string | null;
  readonly user: string | null;
  readonly group: string | null;
  readonly umask: number;
  readonly restart: RestartPolicy;
  /** First and least delay of the back-off. */
  readonly restartDelayMs: number;
  readonly startLimit: { readonly count: number; readonly windowMs: number };
  readonly before: readonly string[];
  readonly after: readonly string[];
  readonly requires: readonly string[];
  readonly requiredBy: readonly string[];
  readonly ready: Readiness;
  readonly readyTimeoutMs: number;
  /** PCR 17..31 that the service may extend and lock. */
  readonly nsmPcrs: readonly number[];
  readonly stopSignal: number;
  readonly stopTimeoutMs: number;
  readonly killMode: KillMode;
  readonly limitNofile: number | null;
  readonly oomScoreAdjust: number | null;
  readonly noNewPrivileges: boolean;
  readonly standardInput: 'null' | 'config';
  readonly standardOutput: 'log' | 'null' | 'console';
  /** The built-in services of the image (`network`), which the supervisor runs from its own program. */
  readonly builtIn: boolean;
}

export interface MeasuredServices {
  readonly v: 1;
  readonly services: readonly MeasuredService[];
}

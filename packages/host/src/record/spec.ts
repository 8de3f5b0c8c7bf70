// What was asked for: `enclaves/NAME/spec.json` (docs/wire/state.md), written by whoever asked and read by the shim. Resolved once, by `up` or `run`:
// no variable, no relative path, no default is left, so that a shim that starts again starts the same thing.
import type { BackendKind, CpuChoice } from '../backend/index.ts';
import type { IngressRule } from '../compose/index.ts';
import type { ImageMeasurements } from '../image/index.ts';

export type RestartPolicy = 'no' | 'always' | 'on-failure';

export interface RecordedSpec {
  readonly v: 1;
  /** `^[a-z][a-z0-9-]{0,62}$`. */
  readonly name: string;
  /** Absolute path of the image file. */
  readonly image: string;
  /** What the image must measure; a file that measures anything else is not started, whenever it changed (P-G3). */
  readonly measurements: ImageMeasurements;
  readonly profile: 'development' | 'production';
  readonly backend: BackendKind;
  /** Default: the pool's next. */
  readonly cid?: number;
  readonly memoryMiB: number;
  readonly cpus: CpuChoice;
  readonly debug: boolean;
  readonly ingress: readonly IngressRule[];
  /** Ways out of the image; the n-th has the vsock port hostPort(cid, 16 + n). */
  readonly egress: readonly { readonly host: string; readonly port: number }[];
  /** Ways out that the boot config names, each with its vsock port on the host. */
  readonly endpoints?: readonly { readonly host: string; readonly port: number; readonly vsockPort: number }[];
  /** The boot config as it is sent: an absolute path, and what it must hash to. */
  readonly config?: { readonly path: string; readonly sha384: string };
  readonly restart: RestartPolicy;
  /** From the start of the boot until ready. An enclave that is later than this is `failed` and, if its policy says so, started again. */
  readonly readyTimeoutMs: number;
  /** Whether the image has our supervisor's ready line; without one it counts as ready at its heartbeat, and everything says so. */
  readonly hasReadyLine: boolean;
  /** Whether the image has a control port, over which an operator can be given a proof. */
  readonly hasControl: boolean;
  /** Whose key on this machine its image takes, where caisson.yaml named one; no more than a choice among the keys of whoever commands it. */
  readonly operator?: string;
  /** Lowest level that `caisson logs` shows and that `logFile` gets; absent: all. */
  readonly logLevel?: 'error' | 'warn' | 'info' | 'debug' | 'trace';
  /** Absolute path; the shim also writes there what it keeps of the enclave. */
  readonly logFile?: string;
  readonly dependsOn: readonly string[];
  readonly labels: Readonly<Record<string, string>>;
  /** Absolute path of the caisson.yaml that it came from; null for `run`. */
  readonly composeFile: string | null;
  /** RFC 3339. */
  readonly createdAt: string;
}

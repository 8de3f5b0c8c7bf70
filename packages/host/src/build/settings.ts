// Everything that decides what an image is, besides the bytes of its inputs. Plain JSON: it stands in the manifest as it is, so that
// the image can be built again from manifest and source alone, and nothing else of the command line or of caisson.yaml counts.
import { DEFAULT_HEALTH_PORT } from '@caisson/core/address';
import type {
  ImageComponent,
  ImageProfile,
  MeasuredConfigTerms,
  MeasuredEgress,
  MeasuredIngress,
  MeasuredOperators,
} from '@caisson/core/measured';
import type { ApplicationReady } from '../service/index.ts';

export interface BuildSettings {
  readonly name: string;
  readonly version: string;
  readonly architecture: 'x86_64' | 'aarch64';
  readonly profile: ImageProfile;
  /** A folder is the root file system itself, not an application. */
  readonly rootfs: boolean;
  /** `plain`: PID 1 runs the one command, with no supervisor, control, readiness or attestation. */
  readonly init: 'caisson' | 'plain';
  /** null: what the source says by itself. */
  readonly command: readonly string[] | null;
  /** On top of what a container image brings. */
  readonly environment: Readonly<Record<string, string>>;
  readonly workingDirectory: string | null;
  readonly user: string | null;
  /** CMD if it is set, else ENTRYPOINT: nitro-cli's rule, where Docker's is both. */
  readonly nitroCliCompat: boolean;
  /** null: those that the other settings need. */
  readonly components: readonly ImageComponent[] | null;
  /** `file`: whichever file was given; its digest is what counts. */
  readonly kernel: 'aws' | 'caisson' | 'file';
  /** null: the default of the kernel. */
  readonly cmdline: string | null;
  /** Paths in a folder that are left out. */
  readonly exclude: readonly string[];
  readonly ingress: readonly MeasuredIngress[];
  readonly egress: readonly MeasuredEgress[];
  /** `schema` is the JSON Schema as it was written; the image has the table compiled from it. */
  readonly config: Omit<MeasuredConfigTerms, 'schema'> & { readonly schema: unknown };
  readonly lastWords: 'inside' | 'sealed';
  readonly lastWordsKey: string | null;
  readonly healthPort: number | null;
  readonly operators: MeasuredOperators;
  /** Service files that are not in the source: file name to text. */
  readonly services: Readonly<Record<string, string>>;
  /** How the image's command says that it is ready; null: as its service file says, or as soon as it runs. */
  readonly ready: ApplicationReady | null;
  /** Text of an init.yaml that is not in the source. */
  readonly initYaml: string | null;
  /** CustomMetadata of the metadata section, a JSON value; null: what Caisson says there. It is in no PCR. */
  readonly customMetadata: unknown;
  /** Unix seconds: BuildTime of the metadata. Times of files are 0 whatever it is. */
  readonly sourceDateEpoch: number;
}

export const DEFAULT_SETTINGS: BuildSettings = {
  name: 'app',
  version: '0.0.0',
  architecture: 'x86_64',
  profile: 'production',
  rootfs: false,
  init: 'caisson',
  command: null,
  environment: {},
  workingDirectory: null,
  user: null,
  nitroCliCompat: false,
  components: null,
  kernel: 'caisson',
  cmdline: null,
  exclude: [],
  ingress: [],
  egress: [],
  config: {
    expect: 'none',
    timeoutMs: 30_000,
    unsigned: 'refuse',
    requireSignature: false,
    minimumVersion: 0,
    label: null,
    keys: [],
    endpoints: null,
    environment: [],
    schema: null,
  },
  lastWords: 'inside',
  lastWordsKey: null,
  healthPort: DEFAULT_HEALTH_PORT,
  operators: { v: 1, rootKey: null, threshold: 1, operators: [] },
  services: {},
  ready: null,
  initYaml: null,
  customMetadata: null,
  sourceDateEpoch: 0,
};

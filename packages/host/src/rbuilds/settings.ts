// What the options and toggles of rbuilds say. A value: a command that runs has the settings of its own moment, and a later option does
// not reach back.

export interface RbuildsSettings {
  /** A version `X.Y[.Z]`, `aws`, `caisson`, or the path of a file; null: whichever is there. */
  readonly kernel: string | null;
  /** null: what fits the machine. */
  readonly memoryMiB: number | null;
  readonly cpus: number | null;
  readonly cid: number;
  /** null: `./pipeline-al2023.dockerfile` where it is there, else an image of /apps alone. */
  readonly dockerfile: string | null;
  /** A caisson.yaml; null: the one in the folder where there is one. */
  readonly config: string | null;
  /** A runtime archive; null: the ledger's. */
  readonly runtime: string | null;
  readonly network: boolean;
  readonly reverseNetwork: boolean;
  readonly forwardNetwork: boolean;
  readonly init: 'c' | 'go' | 'rs';
  /** Says why something failed, with its causes. */
  readonly debug: boolean;
  /** Asks before each stage. */
  readonly question: boolean;
  /** Hands lines that are no command to /bin/sh. */
  readonly localShell: boolean;
  /** Reads and writes /dev/tty. */
  readonly terminal: boolean;
  /** Takes yes for the answer to every question. */
  readonly yes: boolean;
}

export const DEFAULT_RBUILDS_SETTINGS: RbuildsSettings = {
  kernel: null,
  memoryMiB: null,
  cpus: null,
  // Given: the reference's.
  cid: 127,
  dockerfile: null,
  config: null,
  runtime: null,
  network: false,
  reverseNetwork: false,
  forwardNetwork: false,
  init: 'c',
  debug: false,
  question: false,
  localShell: false,
  terminal: false,
  yes: false,
};

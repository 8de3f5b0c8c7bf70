// What the fake nitro-cli is told to do, in `script.json` of its folder.

export interface FakeBehaviour {
  readonly delayMs?: number;
  /** Not before this file is there. */
  readonly waitsFor?: string;
  /** Never ends by itself. */
  readonly hangs?: true;
  /** Codes that it prints in this order; it ends with the last. */
  readonly fails?: readonly string[];
  /** Instead of its JSON. */
  readonly prints?: string;
  /** Codes that it prints, and ends with 0 all the same. */
  readonly mutters?: readonly string[];
  /** For so many calls, after so many that are as always; default: all, and none. */
  readonly times?: number;
  readonly skips?: number;
}

export interface FakeRunBehaviour extends FakeBehaviour {
  /** Whether there is an enclave all the same, or once a file is there. Default: where nothing fails or hangs. */
  readonly starts?: boolean | { readonly onceThere: string };
  /** Its enclave ends before anybody can look. */
  readonly dies?: true;
  /** Other registers than those of the image. */
  readonly mismeasures?: true;
}

export interface FakeDescribeBehaviour extends FakeBehaviour {
  /** Each enclave stands there twice, the second time with another id. */
  readonly doubles?: true;
}

export interface FakeTerminateBehaviour extends FakeBehaviour {
  /** Says that it has ended what goes on. */
  readonly lies?: true;
}

export interface FakeScript {
  readonly 'run-enclave'?: FakeRunBehaviour;
  readonly 'describe-enclaves'?: FakeDescribeBehaviour;
  readonly 'terminate-enclave'?: FakeTerminateBehaviour;
  /** By path. */
  readonly measurements?: Readonly<Record<string, Readonly<Record<string, string>>>>;
  /** Its enclaves are those of the simulator, and not processes that sleep. */
  readonly isSimulated?: boolean;
}

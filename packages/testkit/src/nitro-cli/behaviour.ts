// What the fake nitro-cli is told to do, in `script.json` of its folder.

export interface FakeBehaviour {
  readonly delayMs?: number;
  /** Never ends by itself. */
  readonly hangs?: true;
  /** Codes that it prints in this order; it ends with the last. */
  readonly fails?: readonly string[];
  /** Instead of its JSON. */
  readonly prints?: string;
  /** For so many calls; default: all. */
  readonly times?: number;
}

export interface FakeRunBehaviour extends FakeBehaviour {
  /** Whether there is an enclave all the same, or later. Default: where nothing fails or hangs. */
  readonly starts?: boolean | { readonly afterMs: number };
  /** Its enclave ends before anybody can look. */
  readonly dies?: true;
  /** Other registers than those of the image. */
  readonly mismeasures?: true;
}

export interface FakeScript {
  readonly 'run-enclave'?: FakeRunBehaviour;
  readonly 'describe-enclaves'?: FakeBehaviour;
  readonly 'terminate-enclave'?: FakeBehaviour;
  /** By path. */
  readonly measurements?: Readonly<Record<string, Readonly<Record<string, string>>>>;
}

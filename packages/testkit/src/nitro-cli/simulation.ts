// What nitro-cli and the process of a simulated enclave say to each other. Types alone: the former imports nothing of the house.

export interface AskedEnclave {
  readonly image: string;
  readonly cid: number;
  readonly memoryMiB: number;
  readonly cpuCount: number;
  readonly debug: boolean;
  /** nitro-cli's own, which nobody can set. */
  readonly bootMs: number;
  /** What describe-enclaves shall say of it, but for its process and its registers. */
  readonly shown: object;
  /** Where that is kept. */
  readonly file: string;
}

export type KeptAnswer =
  | { readonly pid: number; readonly measurements: object }
  /** Of the simulator; nitro-cli says it by a number of its own. */
  | { readonly code: string; readonly message: string };

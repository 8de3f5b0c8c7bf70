// An enclave of a file with where it stands in it, whatever form the file has.
import type { EnclaveSpec } from './schema.ts';

export type ComposeForm = 'caisson' | 'engine' | 'nitro-cli';

export interface PlacedSpec {
  readonly spec: EnclaveSpec;
  /** Of the map that the enclave's keys are in. */
  readonly path: readonly PropertyKey[];
}

/** What a form's reader makes of a value: enclaves that hold by themselves, and every issue of the others. */
export interface FormReading {
  /** Also of enclaves with issues: others may name them. */
  readonly names: readonly string[];
  readonly enclaves: ReadonlyMap<string, PlacedSpec>;
  readonly issues: readonly { readonly path: readonly PropertyKey[]; readonly message: string }[];
  /** What a reader of the file should know and no fault is. */
  readonly notes: readonly string[];
}

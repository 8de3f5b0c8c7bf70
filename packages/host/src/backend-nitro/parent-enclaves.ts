// All enclaves of the parent as nitro-cli has them, whoever started them: to be listed, and ended by their id.
import { NitroDriver, STANDARD_NITRO_TIMES } from './nitro-driver.ts';
import type { DescribedEnclave } from './output.ts';
import { findNitroCli } from './parent-machine.ts';

export interface ParentEnclaves {
  /** Throws what describe-enclaves failed with, ParseError NITRO_OUTPUT. */
  describe(): Promise<readonly DescribedEnclave[]>;
  /** Throws what terminate-enclave failed with. */
  terminate(id: string): Promise<void>;
}

/** Undefined without nitro-cli in `path`. */
export function openParentEnclaves(path: string | undefined): ParentEnclaves | undefined {
  const program = findNitroCli(path);
  if (program === undefined) return undefined;
  const driver = new NitroDriver(program, STANDARD_NITRO_TIMES);
  return { describe: () => driver.describe(), terminate: (id) => driver.terminate({ EnclaveID: id }) };
}

// Which enclave a verb of nitro-cli means: exactly one of its flags.
import type { EnclaveQuery } from '@caisson/host/nitro-verb';

interface Flags {
  readonly enclaveId?: string | undefined;
  readonly enclaveName?: string | undefined;
  readonly all?: true;
}

/** Throws NitroVerbError NITRO_VERB_WORDS: E01 without one, E02 with two. */
export async function readQuery(
  verb: string,
  { enclaveId: id, enclaveName: name, all }: Flags,
): Promise<EnclaveQuery | { readonly by: 'all' }> {
  const { NitroVerbError } = await import('@caisson/host/nitro-verb');
  const given = [id, name, all].filter((one) => one !== undefined).length;
  if (given === 1) {
    if (id !== undefined) return { by: 'id', id };
    return name === undefined ? { by: 'all' } : { by: 'name', name };
  }
  throw new NitroVerbError(
    given === 0 ? 'E01' : 'E02',
    'NITRO_VERB_WORDS',
    `${verb} must be given one of --enclave-id and --enclave-name${verb === 'console' ? '' : ' and --all'}, got ${given}`,
  );
}

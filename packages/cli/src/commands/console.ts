// `caisson console`: what an enclave prints. With nitro-cli's flags it is nitro-cli's verb.
import { openEnclaveSource } from '../enclave-source.ts';
import { withExitAction } from '../exit-action.ts';
import { UsageError } from '../exit-code.ts';
import { readQuery } from '../nitro-query.ts';
import { openNitroVerbs, underNitroVerb } from '../nitro-verb-session.ts';
import type { RegisterCommand, Surroundings } from '../surroundings.ts';

interface Flags {
  readonly follow: boolean;
  readonly enclaveId?: string;
  readonly enclaveName?: string;
  readonly disconnectTimeout?: string;
}

export const register: RegisterCommand = (program, surroundings) => {
  const command = program
    .command('console [enclave]')
    .description('show what an enclave prints, until it ends or Ctrl-C (exit 130); on hardware in debug mode alone')
    .option('--no-follow', 'what it has printed so far')
    .option('--enclave-id <id>', 'as nitro-cli has it')
    .option('--enclave-name <name>', 'as nitro-cli has it')
    .option('--disconnect-timeout <seconds>', 'leave after so many seconds');
  withExitAction(command, async (name: string | undefined, flags: Flags) => {
    if (flags.enclaveId !== undefined || flags.enclaveName !== undefined) {
      if (name !== undefined) throw new UsageError(`give one enclave, got ${name} and a flag of nitro-cli`);
      return await underNitroVerb(surroundings, 'other', async () =>
        show(await findByFlag(flags, surroundings), flags, surroundings),
      );
    }
    if (name === undefined) throw new UsageError('console must be told which enclave: caisson console NAME');
    return await show(name, flags, surroundings);
  });
};

async function show(name: string, { follow, disconnectTimeout }: Flags, surroundings: Surroundings): Promise<number> {
  const { showConsole } = await import('../console-session.ts');
  const disconnectMs = disconnectTimeout === undefined ? undefined : parseSeconds(disconnectTimeout);
  return await showConsole(await openEnclaveSource(surroundings), name, surroundings, { follow, disconnectMs });
}

async function findByFlag(flags: Flags, surroundings: Surroundings): Promise<string> {
  const { findListed, listEnclaves, NitroVerbError } = await import('@caisson/host/nitro-verb');
  const query = await readQuery('console', flags);
  if (query.by === 'all') throw new TypeError('console has no --all');
  const world = await openNitroVerbs(surroundings, (line) => void surroundings.stderr.write(`${line}\n`));
  const { record, facts } = findListed(await listEnclaves(world), query);
  if (record === undefined) {
    throw new NitroVerbError(
      'E44',
      'NITRO_VERB_ENCLAVE',
      `enclave ${facts.EnclaveName ?? facts.EnclaveID} must be one of Caisson, somebody else started it`,
      { hint: `nitro-cli console --enclave-id ${facts.EnclaveID}` },
    );
  }
  return record.name;
}

function parseSeconds(text: string): number {
  const seconds = /^[0-9]{1,6}$/.test(text) ? Number(text) : Number.NaN;
  if (seconds >= 1) return seconds * 1_000;
  throw new UsageError(`--disconnect-timeout must be seconds in 1..999999, got ${JSON.stringify(text)}`);
}

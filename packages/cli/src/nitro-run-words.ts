// The words of run-enclave, by flags or by --config, judged as nitro-cli does: E01 what is not there, E02 what excludes another, E03 what has not its form.
import { FIRST_ENCLAVE_CID, LAST_ENCLAVE_CID } from '@caisson/core/address';
import type { RunEnclaveWords } from '@caisson/host/nitro-verb';

export interface RunEnclaveFlags {
  readonly eifPath?: string;
  readonly cpuCount?: string;
  readonly cpuIds?: readonly string[];
  readonly memory?: string;
  readonly enclaveCid?: string;
  readonly enclaveName?: string;
  readonly debugMode?: true;
  readonly attachConsole?: true;
  readonly config?: string;
  readonly backend: string;
}

export interface ReadRunWords {
  readonly words: RunEnclaveWords;
  readonly attach: boolean;
}

const backends = ['auto', 'nitro', 'qemu', 'sim'] as const;

/** Throws NitroVerbError NITRO_VERB_WORDS, and what reading the file throws. */
export async function readRunWords(flags: RunEnclaveFlags): Promise<ReadRunWords> {
  const { NitroVerbError } = await import('@caisson/host/nitro-verb');
  const wrong = (nitro: string, message: string, hint?: string): Error =>
    new NitroVerbError(nitro, 'NITRO_VERB_WORDS', message, hint === undefined ? {} : { hint });
  const integer = (name: string, text: string, least: number, most: number): number => {
    const value = /^[0-9]{1,10}$/.test(text) ? Number(text) : Number.NaN;
    if (value >= least && value <= most) return value;
    throw wrong('E03', `${name} must be an integer in ${least}..${most}, got ${JSON.stringify(text)}`);
  };
  const backend = backends.find((one) => one === flags.backend);
  if (backend === undefined)
    throw wrong('E03', `--backend must be one of ${backends.join(', ')}, got ${JSON.stringify(flags.backend)}`);
  const { config, backend: _, ...own } = flags;
  if (config !== undefined) {
    const [other] = Object.keys(own);
    if (other !== undefined)
      throw wrong(
        'E02',
        `--config must stand without --${other.replace(/[A-Z]/g, (letter) => `-${letter.toLowerCase()}`)}`,
      );
    return await readConfig(config, backend, wrong);
  }
  const { eifPath, cpuCount, cpuIds, memory, enclaveCid, enclaveName, debugMode, attachConsole } = own;
  if (eifPath === undefined)
    throw wrong(
      'E01',
      'run-enclave must be given --eif-path or --config',
      'caisson run-enclave --eif-path h.eif --cpu-count 2 --memory 512',
    );
  if (memory === undefined) throw wrong('E01', 'run-enclave must be given --memory in MiB');
  if (cpuCount !== undefined && cpuIds !== undefined) throw wrong('E02', '--cpu-count must stand without --cpu-ids');
  if (attachConsole && !debugMode) throw wrong('E01', '--attach-console must stand with --debug-mode');
  const ids = cpuIds?.flatMap((text) => text.split(',')).map((text) => integer('--cpu-ids', text, 0, 4_095));
  if (cpuCount === undefined && ids === undefined)
    throw wrong('E01', 'run-enclave must be given --cpu-count or --cpu-ids');
  const words: RunEnclaveWords = {
    eifPath,
    name: enclaveName,
    backend,
    debug: debugMode === true,
    cpus: ids === undefined ? { count: integer('--cpu-count', cpuCount ?? '', 1, 1_024) } : { ids },
    memoryMiB: integer('--memory', memory, 64, 16_777_216),
    // In nitro-cli 0 means any.
    ...(enclaveCid !== undefined &&
      enclaveCid !== '0' && { cid: integer('--enclave-cid', enclaveCid, FIRST_ENCLAVE_CID, LAST_ENCLAVE_CID) }),
  };
  return { words, attach: attachConsole === true };
}

async function readConfig(
  file: string,
  backend: RunEnclaveWords['backend'],
  wrong: (nitro: string, message: string, hint?: string) => Error,
): Promise<ReadRunWords> {
  const { chooseEnclave, readCompose, readComposeText } = await import('@caisson/host/compose');
  const compose = await readCompose(file, { variables: {} });
  if (compose.form !== 'nitro-cli')
    throw wrong(
      'E03',
      `--config ${file} must be a file of nitro-cli run-enclave, got one of ${compose.form}`,
      'caisson up -f takes the others',
    );
  const { name, spec } = chooseEnclave(compose);
  const { image, resources, cid, debug = false } = spec;
  const eifPath = typeof image === 'object' ? image.eif : image;
  const { cpus, cpu_ids: ids, memoryMiB } = resources ?? {};
  if (eifPath === undefined || memoryMiB === undefined)
    throw new TypeError('a file of nitro-cli has an image and memory');
  const words: RunEnclaveWords = {
    eifPath,
    name: (file === '-' ? undefined : nameIn(await readComposeText(file))) ?? name,
    backend,
    debug,
    memoryMiB,
    cpus: ids === undefined ? { count: cpus ?? 1 } : { ids },
    ...(cid !== undefined && { cid }),
  };
  const attach = compose.notes.some((note) => note.startsWith('attach_console'));
  if (attach && !debug) throw wrong('E01', 'attach_console must stand with debug_mode');
  return { words, attach };
}

/** The name as the file spells it; caisson.yaml has stricter names. */
function nameIn(text: string): string | undefined {
  try {
    const { enclave_name: name } = JSON.parse(text) as { readonly enclave_name?: unknown };
    return typeof name === 'string' ? name : undefined;
  } catch {
    return undefined;
  }
}

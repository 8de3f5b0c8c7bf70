// `caisson init`: a first caisson.yaml, by three questions on a terminal or by flags.
import { askFirstFile } from '../first-file-questions.ts';
import type { RegisterCommand, Surroundings } from '../surroundings.ts';

export interface InitFlags {
  readonly name?: string;
  readonly run?: string;
  readonly port?: string;
  readonly yes?: true;
  readonly force?: true;
  readonly json?: true;
}

export const register: RegisterCommand = (program, surroundings) => {
  program
    .command('init')
    .argument('[dir]', 'the folder of the application; made where there is none', '.')
    .description('write a commented first caisson.yaml; asks name, command and port on a terminal')
    .option('--name <name>', 'of the enclave; default: that of the folder')
    .option('--run <text>', 'a command, or a container image: docker://NAME, oci:DIR, FILE.tar')
    .option('--port <port>', 'that it serves on, or none; default 8080')
    .option('-y, --yes', 'ask nothing: flags and defaults')
    .option('--force', 'write over a caisson.yaml that is there')
    .option('--json', 'print one JSON document, and ask nothing')
    .action((folder: string, flags: InitFlags) => init(folder, flags, surroundings));
};

async function init(folder: string, flags: InitFlags, surroundings: Surroundings): Promise<void> {
  const { requireNoFirstFile, suggestAnswers, writeFirstFile } = await import('@caisson/host/compose');
  // Before anybody has answered questions for nothing.
  if (flags.force !== true) requireNoFirstFile(folder);
  const answers = await askFirstFile(suggestAnswers(folder), flags, surroundings);
  const files = await writeFirstFile(folder, answers, flags.force === true);
  const { stdout } = surroundings;
  if (flags.json) stdout.write(`${JSON.stringify({ v: 1, name: answers.name, files })}\n`);
  else stdout.write(`wrote ${files.join(' and ')}\nnext: caisson up -f ${shellWord(files[0]!)}\n`);
}

/** As it can be copied into a shell. */
function shellWord(path: string): string {
  return /^[\w@%+=:,./-]+$/.test(path) ? path : `'${path.replaceAll("'", "'\\''")}'`;
}

// The texts of help, from the tables that are also what is obeyed.
import { type HelpText, RBUILDS_COMMANDS } from './command.ts';
import { fitMachine } from './machine.ts';
import { RBUILDS_OPTIONS } from './option.ts';
import type { RbuildsSettings } from './settings.ts';
import type { RbuildsWorld } from './world.ts';

const files = `files, in the folder where rbuilds is started
  eif/app-builder-secure-enclaves-framework.eif        the image
  eif/app-builder-secure-enclaves-framework.eif.pcr    its measurements
  eif/app-builder-secure-enclaves-framework.eif.desc   as nitro-cli describes it
  eif/app-builder-secure-enclaves-framework.eif.json   every file by its hash, and what it was made of
  eif/make_build.log                                   what was said
  eif/run-enclave.log                                  what was said of enclaves that run
in the image
  /apps             names of the enclave program (initctl, ...)
  /apps/.config     init.yaml as it was compiled
  /apps/.logs       words of the services
what differs from the older rbuilds, and why: docs/rbuilds.md`.split('\n');

export function renderHelp(text: HelpText, settings: RbuildsSettings, world: RbuildsWorld): readonly string[] {
  if (text === 'info') return renderInfo(settings, world);
  const isFull = text === 'help_ext' || text === 'help_ext_man' || text === 'man';
  return [
    ...(text === 'help_cli' || isFull ? options() : []),
    ...(text === 'help' || isFull ? commands(isFull) : []),
    ...(text === 'help_ext_man' || text === 'man' ? files : []),
  ];
}

function options(): string[] {
  const terms = RBUILDS_OPTIONS.map(({ names, value, about }) => ({
    term: `${names.join(', ')}${value === undefined ? '' : ` <${value}>`}`,
    about,
  }));
  return ['rbuilds [options] [FILE.dockerfile] [--cmd LINE]', ...table(terms)];
}

function commands(withOld: boolean): string[] {
  const shown = RBUILDS_COMMANDS.filter(({ isOld }) => withOld || isOld !== true);
  const make = {
    term: 'make [TARGET] [FILE]',
    about: 'make eif is make_eif; make alone, =FILE and :=FILE are make_all',
  };
  return ['commands', ...table([make, ...shown.map(({ name, about }) => ({ term: name, about }))])];
}

function renderInfo(settings: RbuildsSettings, { machineRoot }: RbuildsWorld): string[] {
  const { memoryMiB, cpus, from } = fitMachine(machineRoot);
  const own = `default: ${from}`;
  return [
    `memory     ${settings.memoryMiB ?? memoryMiB} MiB${settings.memoryMiB === null ? ` (${own})` : ''}`,
    `cpus       ${settings.cpus ?? cpus}${settings.cpus === null ? ` (${own})` : ''}`,
    `cid        ${settings.cid}`,
    `kernel     ${settings.kernel ?? 'whichever is there: caisson, then aws'}`,
    `dockerfile ${settings.dockerfile ?? './pipeline-al2023.dockerfile where it is there, else /apps alone'}`,
    `config     ${settings.config ?? './caisson.yaml where it is there'}`,
    ...(['network', 'reverseNetwork', 'forwardNetwork', 'debug', 'question', 'localShell', 'terminal'] as const).map(
      (key) => `${key}: ${settings[key] ? 'on' : 'off'}`,
    ),
  ];
}

function table(rows: readonly { readonly term: string; readonly about: string }[]): string[] {
  const width = Math.max(...rows.map(({ term }) => term.length));
  return rows.map(({ term, about }) => `  ${term.padEnd(width)}  ${about}`);
}

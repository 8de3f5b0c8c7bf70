// The commands of rbuilds: a line of the shell, of a pipe or of --cmd. Names that the reference has and we have no use for are known all
// the same: each does what stands for it here, or says why there is nothing to do. A name that nobody knows is refused; the reference
// ignored it and ended with 0.
import { PolicyError } from '@caisson/core/errors';
import type { RbuildsErrorCode } from './error-code.ts';
import type { RbuildsSettings } from './settings.ts';
import type { StageName } from './world.ts';

const helpTexts = ['help', 'help_cli', 'help_ext', 'help_ext_man', 'man', 'info'] as const;
export type HelpText = (typeof helpTexts)[number];
export type Toggle = 'terminal' | 'debug' | 'question' | 'localShell' | 'network' | 'reverseNetwork' | 'forwardNetwork';

/** What a command does with enclaves; `all` asks before each. */
export type EnclaveStep =
  | { readonly do: 'run'; readonly debug: boolean; readonly attach: boolean }
  | { readonly do: 'attach' | 'drop'; readonly which: 'named' | 'recent' }
  | { readonly do: 'list' | 'drop-all' | 'all' };

export type RbuildsAction =
  | { readonly kind: 'text'; readonly text: HelpText }
  | { readonly kind: 'toggle'; readonly key: Toggle & keyof RbuildsSettings }
  | { readonly kind: 'stages'; readonly stages: readonly StageName[] }
  | { readonly kind: 'enclave'; readonly step: EnclaveStep }
  /** Nothing to do, and why. */
  | { readonly kind: 'idle'; readonly why: string }
  | { readonly kind: 'end' };

export interface RbuildsCommand {
  readonly name: string;
  readonly about: string;
  readonly action: RbuildsAction;
  /** A name of the reference that has another name here. */
  readonly isOld?: true;
}

export interface ParsedLine {
  readonly action: RbuildsAction;
  readonly dockerfile?: string;
}

const stage = (name: string, about: string, ...stages: readonly StageName[]): RbuildsCommand => ({
  name,
  about,
  action: { kind: 'stages', stages },
});
const toggle = (name: string, key: Toggle, about: string): RbuildsCommand => ({
  name,
  about,
  action: { kind: 'toggle', key },
});
const enclave = (name: string, step: EnclaveStep, about: string): RbuildsCommand => ({
  name,
  about,
  action: { kind: 'enclave', step },
});
const old = (stages: readonly StageName[], ...names: readonly string[]): RbuildsCommand[] =>
  names.map((name) => ({ ...stage(name, `the same as make_${stages[0]}`, ...stages), isOld: true }));
const idle = (why: string, ...names: readonly string[]): RbuildsCommand[] =>
  names.map((name) => ({ name, about: why, action: { kind: 'idle', why }, isOld: true }));
const text = (name: HelpText, about: string): RbuildsCommand => ({ name, about, action: { kind: 'text', text: name } });

// Given: the reference's order, without make_nitro and without its run in debug mode.
const all: readonly StageName[] = ['kernel', 'apps', 'init', 'eif'];
const noContainer = 'no container is kept; make_clear removes what was built here';
const noEnvironment = 'there is no build container to prepare';

export const RBUILDS_COMMANDS: readonly RbuildsCommand[] = [
  text('help', 'the commands'),
  text('help_cli', 'the options'),
  text('help_ext', 'both'),
  text('help_ext_man', 'both, with what the files are'),
  text('man', 'the same'),
  text('info', 'what is set, and what fits this machine'),
  toggle('tty', 'terminal', 'read and write /dev/tty, or no more'),
  toggle('debug', 'debug', 'say why something failed, or no more'),
  toggle('q', 'question', 'ask before each stage, or no more'),
  toggle('lsh', 'localShell', 'hand lines that are no command to /bin/sh, or no more'),
  toggle('network', 'network', 'listed ways in and out, or no more'),
  toggle('reverse_network', 'reverseNetwork', 'listed ways in, or no more'),
  toggle('forward_network', 'forwardNetwork', 'transparent ways out, or no more'),
  stage('make_nitro', 'install what a parent needs (Amazon Linux); elsewhere a dry run', 'nitro'),
  stage('make_kernel', 'build the kernel, unless it is there', 'kernel'),
  stage('make_apps', 'have the enclave program and its runtime ready', 'apps'),
  stage('make_init', 'have PID 1 ready', 'init'),
  stage('make_eif', 'build the image: make_eif [FILE.dockerfile]', 'eif'),
  stage('make_all', 'kernel, apps, init and eif; it never runs what it built', ...all),
  stage('make_clear', 'remove what was built into ./eif', 'clear'),
  enclave('make_enclave', { do: 'all' }, 'run, look at, list and end the enclave, with questions'),
  enclave('run_eif_image', { do: 'run', debug: false, attach: false }, 'run the image'),
  enclave('run_eif_image_debugmode', { do: 'run', debug: true, attach: false }, 'run it in debug mode'),
  enclave(
    'run_eif_image_debugmode_cli',
    { do: 'run', debug: true, attach: true },
    'run it in debug mode with its console',
  ),
  enclave('attach_console_to_enclave', { do: 'attach', which: 'named' }, 'the console of the enclave'),
  enclave('attach_console_to_recent_enclave', { do: 'attach', which: 'recent' }, 'the console of the first enclave'),
  enclave('list_enclaves', { do: 'list' }, 'the enclaves of this machine'),
  enclave('drop_recent_enclave', { do: 'drop', which: 'recent' }, 'end the first enclave'),
  enclave('drop_enclave', { do: 'drop', which: 'named' }, 'end the enclave'),
  enclave('drop_enclaves_all', { do: 'drop-all' }, 'end all enclaves'),
  ...old(['nitro'], 'install_nitro_enclaves'),
  ...old(['kernel'], 'docker_kernel_build'),
  ...old(['apps'], 'docker_apps_rs_build'),
  ...old(['init'], 'docker_init_apps_build', 'docker_init_nix_build'),
  ...old(
    ['eif'],
    'docker_container_apps_image_build',
    'init_and_rootfs_base_images_build',
    'docker_to_rootfs_fs_image_build',
  ),
  ...old(['eif'], 'ramdisk_image_build', 'eif_build_with_initc', 'eif_build_with_initgo'),
  ...idle(noContainer, 'docker_kcontainer_clear', 'docker_kimage_clear', 'docker_apps_rs_container_clear'),
  ...idle(
    noContainer,
    'docker_apps_rs_image_clear',
    'docker_init_apps_container_clear',
    'docker_init_apps_image_clear',
  ),
  ...idle(noContainer, 'docker_init_nix_container_clear', 'docker_init_nix_image_clear'),
  ...idle(noContainer, 'docker_eif_build_container_clear', 'docker_eif_build_image_clear'),
  ...idle(noEnvironment, 'docker_kimage_build', 'docker_prepare_kbuildenv', 'docker_apps_rs_image_build'),
  ...idle(
    noEnvironment,
    'docker_prepare_apps_rs_buildenv',
    'docker_init_apps_image_build',
    'docker_prepare_init_apps_buildenv',
  ),
  { name: 'break', about: 'leave', action: { kind: 'end' } },
  { name: 'exit', about: 'leave', action: { kind: 'end' } },
];

const byName = new Map(RBUILDS_COMMANDS.map((command) => [command.name, command]));
const takesFile = new Set(['make_all', 'make_eif']);

/** undefined: no command; null: an empty line or a comment. Throws PolicyError RBUILDS_COMMAND for a command with wrong words. */
export function parseRbuildsLine(line: string): ParsedLine | undefined | null {
  const words = line.trim().split(/\s+/);
  let [name = '', ...rest] = words;
  if (name === '' || name.startsWith('#')) return null;
  if (name === 'make') {
    const [target = 'all'] = rest;
    // Given: `make =FILE` and `make :=FILE` are `make all FILE`.
    const [, file] = /^:?=(.+)$/.exec(target) ?? [];
    [name, rest] = file === undefined ? [`make_${target}`, rest.slice(1)] : ['make_all', [file, ...rest.slice(1)]];
    if (!byName.has(name)) throw refuse(`make must be followed by one of its targets, got ${JSON.stringify(target)}`);
  }
  const command = byName.get(name);
  if (command === undefined) return undefined;
  const [dockerfile, ...more] = rest;
  if (dockerfile === undefined) return { action: command.action };
  if (!takesFile.has(name) || more.length > 0) {
    throw refuse(
      `${name} takes ${takesFile.has(name) ? 'one Dockerfile' : 'no words'}, got ${JSON.stringify(rest.join(' '))}`,
    );
  }
  return { action: command.action, dockerfile: dockerfile.replace(/^:?=/, '') };
}

export function refuse(message: string): PolicyError<RbuildsErrorCode> {
  return new PolicyError('RBUILDS_COMMAND', message, { hint: 'help lists the commands' });
}

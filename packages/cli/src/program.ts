// The command tree. One place lists every command file, by the name of its command; the names of older tools are programs of their own with their
// old command lines. An action's number becomes the exit code.
import { Command } from 'commander';
import { EXIT_USAGE } from './exit-code.ts';
import type { RegisterCommand, Surroundings } from './surroundings.ts';
import { version } from './version.ts';

/** A commander Command whose actions may return an exit code; the last one is kept on the root. */
class Program extends Command {
  readonly #keep: (code: number) => void;
  exitCode = 0;

  constructor(name?: string, keep?: (code: number) => void) {
    super(name);
    this.#keep = keep ?? ((code) => (this.exitCode = code));
  }

  override createCommand(name?: string): Program {
    return new Program(name, this.#keep);
  }

  // biome-ignore lint/suspicious/noExplicitAny: commander types the arguments of an action as any.
  override action(run: (this: this, ...args: any[]) => unknown): this {
    const keep = this.#keep;
    return super.action(async function (...args) {
      const code = await run.apply(this, args);
      if (typeof code === 'number') keep(code);
    });
  }
}

const versionFlags = ['-V', '--version'];

type LoadCommand = () => Promise<{ readonly register: RegisterCommand }>;

/** By their names, in the order in which help has them. */
const caissonCommands: Readonly<Record<string, LoadCommand>> = {
  host: () => import('./commands/host.ts'),
  enclave: () => import('./commands/enclave.ts'),
  config: () => import('./commands/config.ts'),
  wait: () => import('./commands/wait.ts'),
  'last-words': () => import('./commands/last-words.ts'),
  nsm: () => import('./commands/nsm.ts'),
  attest: () => import('./commands/attest.ts'),
  bridge: () => import('./commands/bridge.ts'),
  'ip-to-vsock': () => import('./commands/ip-to-vsock.ts'),
  'vsock-to-ip': () => import('./commands/vsock-to-ip.ts'),
  vrf: () => import('./commands/vrf.ts'),
  kms: () => import('./commands/kms.ts'),
  init: () => import('./commands/init.ts'),
  compose: () => import('./commands/compose.ts'),
  build: () => import('./commands/build.ts'),
  image: () => import('./commands/image.ts'),
  images: () => import('./commands/images.ts'),
  'build-enclave': () => import('./commands/build-enclave.ts'),
  'describe-eif': () => import('./commands/describe-eif.ts'),
  pcr: () => import('./commands/pcr.ts'),
  'sign-eif': () => import('./commands/sign-eif.ts'),
  service: () => import('./commands/service.ts'),
  operator: () => import('./commands/operator.ts'),
  exec: () => import('./commands/exec.ts'),
  explain: () => import('./commands/explain.ts'),
  doctor: () => import('./commands/doctor.ts'),
  job: () => import('./commands/job.ts'),
  cp: () => import('./commands/cp.ts'),
  proxy: () => import('./commands/proxy.ts'),
  runtime: () => import('./commands/runtime.ts'),
  kernel: () => import('./commands/kernel.ts'),
  bench: () => import('./commands/bench.ts'),
  up: () => import('./commands/up.ts'),
  down: () => import('./commands/down.ts'),
  run: () => import('./commands/run.ts'),
  stop: () => import('./commands/stop.ts'),
  restart: () => import('./commands/restart.ts'),
  rm: () => import('./commands/rm.ts'),
  prune: () => import('./commands/prune.ts'),
  inspect: () => import('./commands/inspect.ts'),
  ps: () => import('./commands/ps.ts'),
  logs: () => import('./commands/logs.ts'),
  events: () => import('./commands/events.ts'),
  stats: () => import('./commands/stats.ts'),
  console: () => import('./commands/console.ts'),
  'run-enclave': () => import('./commands/run-enclave.ts'),
  'describe-enclaves': () => import('./commands/describe-enclaves.ts'),
  'terminate-enclave': () => import('./commands/terminate-enclave.ts'),
  completion: () => import('./commands/completion.ts'),
  __names: () => import('./commands/names.ts'),
  shim: () => import('./commands/shim.ts'),
};

/** An older tool's name: what it is made of, and the exit code its users know for a wrong command line. */
interface OldName {
  readonly about: string;
  readonly commands: readonly LoadCommand[];
  readonly usageExit: number;
  /** The name alone is the command. */
  readonly single?: boolean;
}

const oldNames: Readonly<Record<string, OldName>> = {
  argonaut: {
    about: 'vsock bridges, boot config and NSM lines for AWS Nitro Enclaves',
    commands: [
      () => import('./commands/host.ts'),
      () => import('./commands/enclave.ts'),
      () => import('./commands/config.ts'),
      () => import('./commands/nsm.ts'),
    ],
    usageExit: 1,
  },
  // These were clap programs, which end with 2.
  initctl: {
    about: 'control the supervisor inside an enclave',
    commands: [() => import('./commands/initctl.ts')],
    usageExit: 2,
  },
  // clap too.
  pipeline: {
    about: 'run commands in an enclave and copy files',
    commands: [() => import('./commands/pipeline.ts')],
    usageExit: 2,
  },
  // The original ended with 0 whatever happened; 2 is what shells use for wrong words.
  rbuilds: { about: '', commands: [() => import('./commands/rbuilds.ts')], usageExit: 2, single: true },
  'ip-to-vsock': { about: '', commands: [() => import('./commands/ip-to-vsock.ts')], usageExit: 2, single: true },
  'vsock-to-ip': { about: '', commands: [() => import('./commands/vsock-to-ip.ts')], usageExit: 2, single: true },
};

export const PROGRAM_NAMES: readonly string[] = ['caisson', ...Object.keys(oldNames)];

/**
 * The tree for `surroundings.name`; an unknown name is `caisson`. With a command line whose first word is a command, the tree of that command alone, and of none
 * for the version: to load and to declare the others is half of what a short command takes, and nothing that it says depends on them.
 */
export async function createProgram(surroundings: Surroundings, words: readonly string[] = []): Promise<Program> {
  const old = oldNames[surroundings.name];
  const program = new Program(old === undefined ? 'caisson' : surroundings.name)
    .description(old?.about ?? 'run code in AWS Nitro Enclaves: build it, run it, reach it, prove it')
    .version(version, versionFlags.join(', '), 'print the version')
    .exitOverride()
    .showHelpAfterError(old !== undefined)
    .configureOutput({
      writeOut: (text) => void surroundings.stdout.write(text),
      writeErr: (text) => void surroundings.stderr.write(text),
    }) as Program;
  // Some commands ask for it, and what an option of the program's own means must not depend on which command is declared.
  if (old === undefined) program.enablePositionalOptions();
  const [first = ''] = words;
  const commands = old?.commands ?? commandsFor(first);
  for (const { register } of await Promise.all(commands.map((load) => load()))) register(program, surroundings);
  return program;
}

function commandsFor(first: string): readonly LoadCommand[] {
  if (versionFlags.includes(first)) return [];
  const asked = Object.hasOwn(caissonCommands, first) ? caissonCommands[first] : undefined;
  return asked === undefined ? Object.values(caissonCommands) : [asked];
}

/** The exit code for a wrong command line under `name`. */
export function usageExitOf(name: string): number {
  return oldNames[name]?.usageExit ?? EXIT_USAGE;
}

/** True when the name alone is the command: `ip-to-vsock --vsock-cid 16` needs no verb. */
export function isSingleCommand(name: string): boolean {
  return oldNames[name]?.single ?? false;
}

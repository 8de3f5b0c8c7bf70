// The command tree. One place lists every command file; the names of older tools are programs of their own with their
// old command lines. An action's number becomes the exit code.
import { Command } from 'commander';
import { register as registerAttest } from './commands/attest.ts';
import { register as registerBench } from './commands/bench.ts';
import { register as registerBridge } from './commands/bridge.ts';
import { register as registerBuild } from './commands/build.ts';
import { register as registerBuildEnclave } from './commands/build-enclave.ts';
import { register as registerCompletion } from './commands/completion.ts';
import { register as registerCompose } from './commands/compose.ts';
import { register as registerConfig } from './commands/config.ts';
import { register as registerConsole } from './commands/console.ts';
import { register as registerCp } from './commands/cp.ts';
import { register as registerDescribeEif } from './commands/describe-eif.ts';
import { register as registerDescribeEnclaves } from './commands/describe-enclaves.ts';
import { register as registerDoctor } from './commands/doctor.ts';
import { register as registerDown } from './commands/down.ts';
import { register as registerEnclave } from './commands/enclave.ts';
import { register as registerEvents } from './commands/events.ts';
import { register as registerExec } from './commands/exec.ts';
import { register as registerExplain } from './commands/explain.ts';
import { register as registerHost } from './commands/host.ts';
import { register as registerImage } from './commands/image.ts';
import { register as registerImages } from './commands/images.ts';
import { register as registerInit } from './commands/init.ts';
import { register as registerInitctl } from './commands/initctl.ts';
import { register as registerInspect } from './commands/inspect.ts';
import { register as registerIpToVsock } from './commands/ip-to-vsock.ts';
import { register as registerJob } from './commands/job.ts';
import { register as registerKernel } from './commands/kernel.ts';
import { register as registerKms } from './commands/kms.ts';
import { register as registerLastWords } from './commands/last-words.ts';
import { register as registerLogs } from './commands/logs.ts';
import { register as registerNsm } from './commands/nsm.ts';
import { register as registerOperator } from './commands/operator.ts';
import { register as registerPcr } from './commands/pcr.ts';
import { register as registerPipeline } from './commands/pipeline.ts';
import { register as registerProxy } from './commands/proxy.ts';
import { register as registerPrune } from './commands/prune.ts';
import { register as registerPs } from './commands/ps.ts';
import { register as registerRbuilds } from './commands/rbuilds.ts';
import { register as registerRestart } from './commands/restart.ts';
import { register as registerRm } from './commands/rm.ts';
import { register as registerRun } from './commands/run.ts';
import { register as registerRunEnclave } from './commands/run-enclave.ts';
import { register as registerRuntime } from './commands/runtime.ts';
import { register as registerService } from './commands/service.ts';
import { register as registerShim } from './commands/shim.ts';
import { register as registerSignEif } from './commands/sign-eif.ts';
import { register as registerStats } from './commands/stats.ts';
import { register as registerStop } from './commands/stop.ts';
import { register as registerTerminateEnclave } from './commands/terminate-enclave.ts';
import { register as registerUp } from './commands/up.ts';
import { register as registerVrf } from './commands/vrf.ts';
import { register as registerVsockToIp } from './commands/vsock-to-ip.ts';
import { register as registerWait } from './commands/wait.ts';
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

const caissonCommands: readonly RegisterCommand[] = [
  registerHost,
  registerEnclave,
  registerConfig,
  registerWait,
  registerLastWords,
  registerNsm,
  registerAttest,
  registerBridge,
  registerIpToVsock,
  registerVsockToIp,
  registerVrf,
  registerKms,
  registerInit,
  registerCompose,
  registerBuild,
  registerImage,
  registerImages,
  registerBuildEnclave,
  registerDescribeEif,
  registerPcr,
  registerSignEif,
  registerService,
  registerOperator,
  registerExec,
  registerExplain,
  registerDoctor,
  registerJob,
  registerCp,
  registerProxy,
  registerRuntime,
  registerKernel,
  registerBench,
  registerUp,
  registerDown,
  registerRun,
  registerStop,
  registerRestart,
  registerRm,
  registerPrune,
  registerInspect,
  registerPs,
  registerLogs,
  registerEvents,
  registerStats,
  registerConsole,
  registerRunEnclave,
  registerDescribeEnclaves,
  registerTerminateEnclave,
  registerCompletion,
  registerShim,
];

/** An older tool's name: what it is made of, and the exit code its users know for a wrong command line. */
interface OldName {
  readonly about: string;
  readonly commands: readonly RegisterCommand[];
  readonly usageExit: number;
  /** The name alone is the command. */
  readonly single?: boolean;
}

const oldNames: Readonly<Record<string, OldName>> = {
  argonaut: {
    about: 'vsock bridges, boot config and NSM lines for AWS Nitro Enclaves',
    commands: [registerHost, registerEnclave, registerConfig, registerNsm],
    usageExit: 1,
  },
  // These were clap programs, which end with 2.
  initctl: { about: 'control the supervisor inside an enclave', commands: [registerInitctl], usageExit: 2 },
  // clap too.
  pipeline: { about: 'run commands in an enclave and copy files', commands: [registerPipeline], usageExit: 2 },
  // The original ended with 0 whatever happened; 2 is what shells use for wrong words.
  rbuilds: { about: '', commands: [registerRbuilds], usageExit: 2, single: true },
  'ip-to-vsock': { about: '', commands: [registerIpToVsock], usageExit: 2, single: true },
  'vsock-to-ip': { about: '', commands: [registerVsockToIp], usageExit: 2, single: true },
};

export const PROGRAM_NAMES: readonly string[] = ['caisson', ...Object.keys(oldNames)];

/** The tree for `surroundings.name`; an unknown name is `caisson`. */
export function createProgram(surroundings: Surroundings): Program {
  const old = oldNames[surroundings.name];
  const program = new Program(old === undefined ? 'caisson' : surroundings.name)
    .description(old?.about ?? 'run code in AWS Nitro Enclaves: build it, run it, reach it, prove it')
    .version(version, '-V, --version', 'print the version')
    .exitOverride()
    .showHelpAfterError(old !== undefined)
    .configureOutput({
      writeOut: (text) => void surroundings.stdout.write(text),
      writeErr: (text) => void surroundings.stderr.write(text),
    }) as Program;
  for (const register of old?.commands ?? caissonCommands) register(program, surroundings);
  return program;
}

/** The exit code for a wrong command line under `name`. */
export function usageExitOf(name: string): number {
  return oldNames[name]?.usageExit ?? EXIT_USAGE;
}

/** True when the name alone is the command: `ip-to-vsock --vsock-cid 16` needs no verb. */
export function isSingleCommand(name: string): boolean {
  return oldNames[name]?.single ?? false;
}

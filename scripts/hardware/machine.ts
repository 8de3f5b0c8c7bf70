// What both jobs need of the machine that they run on: which backend, as whom, with which kernel.

import { spawnSync } from 'node:child_process';
import { constants } from 'node:os';
import type { HardwareBackend } from './launch.ts';
import { VariableError, type Variables } from './variable.ts';

export interface MachineSettings {
  readonly backend: HardwareBackend;
  readonly cpus: number;
  readonly memoryMiB: number;
  /** `aws`, `caisson` or a file; undefined: none is looked at. */
  readonly kernel: string | undefined;
  readonly httpPort: number;
  readonly httpVsockPort: number;
  readonly keepWorkdir: boolean;
  readonly resultsDir: string | undefined;
}

const backends: readonly string[] = ['nitro', 'qemu', 'sim'];

/** Throws VariableError. */
export function readMachineSettings(variables: Variables): MachineSettings {
  const backend = variables.text('BACKEND') ?? 'nitro';
  if (!backends.includes(backend)) {
    throw new VariableError(
      `${variables.nameOf('BACKEND')} must be nitro, qemu or sim, got ${JSON.stringify(backend)}`,
    );
  }
  const standard = { nitro: 'aws', qemu: 'caisson', sim: undefined }[backend as HardwareBackend];
  return {
    backend: backend as HardwareBackend,
    cpus: variables.integer('CPUS', 2, 1, 128),
    memoryMiB: variables.integer('MEMORY', 1_024, 64, 1_048_576),
    kernel: variables.text('KERNEL') ?? standard,
    httpPort: variables.integer('HTTP_PORT', 18_080, 1, 65_535),
    httpVsockPort: variables.integer('HTTP_VSOCK_PORT', 3_000, 1, 65_535),
    keepWorkdir: variables.flag('KEEP_WORKDIR'),
    resultsDir: variables.text('RESULTS_DIR'),
  };
}

/**
 * On hardware this program runs as root: huge pages, the device, and the hosts file of this machine. Resolves with the exit code of itself under sudo, or
 * undefined where it may go on.
 */
export function runAsRoot({ backend }: MachineSettings, env: NodeJS.ProcessEnv): number | undefined {
  if (backend !== 'nitro' || process.getuid?.() === 0) return undefined;
  // It passes signals on itself; here they must not end the one who waits for it.
  for (const signal of ['SIGINT', 'SIGTERM', 'SIGHUP'] as const) process.on(signal, () => {});
  const { status, signal, error } = spawnSync(
    'sudo',
    ['env', ...wordsForRoot(env), ...process.execArgv, process.execPath, ...process.argv.slice(1)],
    {
      stdio: 'inherit',
    },
  );
  if (error !== undefined) throw new Error(`hardware needs root, and sudo cannot be started: ${error.message}`);
  return status ?? 128 + (signal === null ? 0 : constants.signals[signal]);
}

/**
 * sudo clears the environment; what this script reads is handed on by name, and no shell sees it. Every user of the machine can read the words of a
 * process, so that nothing secret is among them: a passphrase, a password of a registry, a proxy with one in it.
 */
export function wordsForRoot(env: NodeJS.ProcessEnv): readonly string[] {
  return Object.entries(env).flatMap(([name, value]) => {
    const isMeant = /^(CAISSON|ARGONAUT)_|^(PATH|TMPDIR|http_proxy|https_proxy|no_proxy)$/.test(name);
    const isSecret = /PASS|SECRET|TOKEN/.test(name) || (name.endsWith('_proxy') && value?.includes('@') === true);
    return isMeant && !isSecret ? [`${name}=${value}`] : [];
  });
}

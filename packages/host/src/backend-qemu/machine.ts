// One virtual machine as two processes: the vsock device, and QEMU on it. Both die with this process (PR_SET_PDEATHSIG), and each with the other.
import { type ChildProcess, spawn } from 'node:child_process';
import { accessSync, constants, existsSync } from 'node:fs';
import { join } from 'node:path';
import { setTimeout as pause } from 'node:timers/promises';
import { CaissonError } from '@caisson/core/errors';
import type { BackendErrorCode, ConsoleRing } from '../backend/index.ts';
import type { FoundQemu } from './find-qemu.ts';

export interface MachineOptions {
  readonly qemu: FoundQemu;
  /** An empty folder for this machine alone, with a short path. */
  readonly folder: string;
  readonly image: string;
  readonly cid: number;
  readonly memoryMiB: number;
  readonly cpuCount: number;
  readonly cpuIds: readonly number[] | undefined;
  readonly moduleId: string;
  /** Folder with the key of its NSM. */
  readonly nsmFolder: string | undefined;
  readonly console: ConsoleRing;
}

// Chosen: it only binds a socket.
const deviceMs = 5_000;
const deviceStepMs = 5;

export class Machine {
  /** Resolves when both processes are gone. */
  readonly ended: Promise<void>;
  readonly #options: MachineOptions;
  readonly #device: ChildProcess;
  readonly #deviceGone: Promise<void>;
  readonly #over = Promise.withResolvers<void>();
  #qemu: ChildProcess | undefined;

  constructor(options: MachineOptions) {
    this.#options = options;
    const { qemu, cid, console } = options;
    this.#device = bound(options, qemu.vsock, [this.#devicePath, String(cid), this.vsockPath, '3']);
    this.#deviceGone = watch(this.#device, console);
    this.ended = this.#over.promise;
    void this.#deviceGone.then(() => {
      // Without the vsock device the guest hears nobody and would wait for ever.
      if (this.#qemu === undefined) this.#over.resolve();
      else this.#qemu.kill('SIGKILL');
    });
  }

  /** The PATH of CAISSON_VSOCK=hybrid:CID=PATH. */
  get vsockPath(): string {
    return join(this.#options.folder, 'v');
  }

  get pids(): readonly number[] {
    return [this.#qemu?.pid, this.#device.pid].filter((pid) => pid !== undefined);
  }

  /** Throws CaissonError BACKEND_UNAVAILABLE when the vsock device does not come up. */
  async start(): Promise<void> {
    const { console, nsmFolder, qemu } = this.#options;
    const untilMs = performance.now() + deviceMs;
    while (!existsSync(this.#devicePath)) {
      if (performance.now() > untilMs || this.#device.exitCode !== null || this.#device.signalCode !== null) {
        throw new CaissonError<BackendErrorCode>(
          'BACKEND_UNAVAILABLE',
          `vsock device ${qemu.vsock} must bind its socket within ${deviceMs} ms; it said: ${console.tail()}`,
        );
      }
      await pause(deviceStepMs);
    }
    const env = {
      ...(qemu.libraries !== undefined && { LD_LIBRARY_PATH: qemu.libraries }),
      ...(nsmFolder !== undefined && { QEMU_NSM_DIR: nsmFolder }),
    };
    this.#qemu = bound(this.#options, qemu.program, this.#words(), env);
    void watch(this.#qemu, console).then(async () => {
      this.#device.kill('SIGKILL');
      await this.#deviceGone;
      this.#over.resolve();
    });
  }

  kill(): void {
    this.#qemu?.kill('SIGKILL');
    this.#device.kill('SIGKILL');
  }

  get #devicePath(): string {
    return join(this.#options.folder, 'd');
  }

  #words(): string[] {
    const { qemu, moduleId, memoryMiB, cpuCount, image } = this.#options;
    return [
      ...(qemu.firmware === undefined ? [] : ['-L', qemu.firmware]),
      ...['-M', `nitro-enclave,vsock=c,id=${moduleId}`, ...acceleratorWords(), '-cpu', 'max'],
      ...['-m', `${memoryMiB}M`],
      ...['-smp', String(cpuCount), '-nographic', '-no-reboot', '-kernel', image],
      // The vsock device knows only the modern virtio interface.
      ...['-global', 'virtio-mmio.force-legacy=false', '-chardev', `socket,id=c,path=${this.#devicePath}`],
    ];
  }
}

/** KVM where this user may open it. If that fails later, QEMU itself goes on without it. */
export function acceleratorWords(device = '/dev/kvm'): string[] {
  try {
    accessSync(device, constants.R_OK | constants.W_OK);
    return ['-accel', 'kvm', '-accel', 'tcg'];
  } catch {
    return ['-accel', 'tcg'];
  }
}

/** Binds a program to the life of this process, and to its CPUs. */
function bound(
  { cpuIds }: MachineOptions,
  program: string,
  words: readonly string[],
  env: Readonly<Record<string, string>> = {},
): ChildProcess {
  const pinned = cpuIds === undefined ? [] : ['taskset', '-c', cpuIds.join(',')];
  return spawn('setpriv', ['--pdeathsig', 'KILL', ...pinned, program, ...words], {
    stdio: ['ignore', 'pipe', 'pipe'],
    env: { PATH: process.env['PATH'], ...env },
    detached: true,
  });
}

function watch(child: ChildProcess, console: ConsoleRing): Promise<void> {
  for (const stream of [child.stdout, child.stderr]) stream?.on('data', (piece: Buffer) => console.push(piece));
  return new Promise((resolve) => {
    child.once('close', () => resolve()).once('error', () => resolve());
  });
}

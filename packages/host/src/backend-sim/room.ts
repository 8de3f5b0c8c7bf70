// One simulated enclave as a process of this machine, in a room or not: caisson-sim with its control socket on descriptor 3
// (packages/sys/sim/main.c), from the empty stage over the start of PID 1 to the end. This end of the socket is the enclave's life: the kernel closes it when this process dies.
import { type ChildProcess, spawn } from 'node:child_process';
import type { Duplex } from 'node:stream';
import { setTimeout as pause } from 'node:timers/promises';
import { CaissonError } from '@caisson/core/errors';
import type { BackendErrorCode, ConsoleRing } from '../backend/index.ts';
import { readProcessStart } from '../file/index.ts';

export interface RoomOptions {
  readonly helper: string;
  /** The command line of caisson-sim. */
  readonly words: readonly string[];
  /** CPU ids it may run on; undefined: all. */
  readonly cpuIds: readonly number[] | undefined;
  readonly console: ConsoleRing;
}

// Chosen.
const longestSaid = 4_096;
const longestEndMs = 10_000;
const endPauseMs = 5;

export class Room {
  /** Resolves when all its processes are gone. */
  readonly ended: Promise<void>;
  readonly #child: ChildProcess;
  readonly #control: Duplex;
  #said = '';
  #hear = (): void => {};
  #isOver = false;
  #initPid: number | undefined;
  #initStart = '';

  constructor({ helper, words, cpuIds, console }: RoomOptions) {
    const all = [helper, ...words];
    const [program = '', ...rest] = cpuIds === undefined ? all : ['taskset', '-c', cpuIds.join(','), ...all];
    // A session of its own, so that Ctrl-C at a terminal reaches only the process that stops the enclave, and not PID 1.
    this.#child = spawn(program, rest, {
      stdio: ['ignore', 'pipe', 'pipe', 'pipe'],
      env: { PATH: process.env['PATH'] },
      detached: true,
    });
    this.#control = this.#child.stdio[3] as Duplex;
    for (const stream of [this.#child.stdout, this.#child.stderr])
      stream?.on('data', (piece: Buffer) => console.push(piece));
    this.#control
      .on('error', () => {})
      .on('data', (piece: Buffer) => {
        this.#said = (this.#said + piece.toString('latin1')).slice(-longestSaid);
        this.#hear();
      });
    this.ended = new Promise((resolve) => {
      const end = (): void => {
        this.#isOver = true;
        this.#control.destroy();
        this.#hear();
        // If caisson-sim itself was killed, nobody has waited for process 1, whose pipes close before its namespace is empty.
        void awaitGone(this.#initPid, this.#initStart).then(resolve);
      };
      this.#child.once('close', end).once('error', end);
    });
  }

  get pids(): readonly number[] {
    return [this.#initPid, this.#child.pid].filter((pid) => pid !== undefined);
  }

  /** Resolves with the pid of the process whose working folder is the empty root. Throws CaissonError BACKEND_UNAVAILABLE. */
  async staged(): Promise<number> {
    return await this.#heard('stage');
  }

  /** Starts PID 1 in what is unpacked. Throws CaissonError BACKEND_UNAVAILABLE. */
  async start(): Promise<void> {
    this.#control.write('g');
    this.#initPid = await this.#heard('init');
    this.#initStart = await readProcessStart(this.#initPid);
  }

  signal(name: 'SIGTERM' | 'SIGHUP'): void {
    if (this.#initPid === undefined || this.#isOver) return;
    try {
      process.kill(this.#initPid, name);
    } catch {
      // The process has ended; its event is about to come.
    }
  }

  /** Ends it, whether PID 1 runs already or not. */
  kill(): void {
    // Closing the socket makes the helper kill process 1 and wait for the namespace. Were the helper killed first, nobody would wait.
    this.#control.destroy();
  }

  async #heard(word: string): Promise<number> {
    const { promise, resolve, reject } = Promise.withResolvers<number>();
    this.#hear = () => {
      const found = new RegExp(`^${word} ([0-9]+)$`, 'm').exec(this.#said)?.[1];
      const fault = /^fault (.*)\n/m.exec(this.#said)?.[1];
      if (found !== undefined) resolve(Number(found));
      else if (fault !== undefined) reject(unavailable(fault));
      else if (this.#isOver) reject(unavailable(`caisson-sim ended before it said ${word}`));
    };
    this.#hear();
    return await promise;
  }
}

/** Resolves when that process (told apart by its start time) is gone, or only waits to be reaped by whoever has inherited it. */
async function awaitGone(pid: number | undefined, start: string): Promise<void> {
  if (pid === undefined || start === '') return;
  const untilMs = performance.now() + longestEndMs;
  // Where /proc cannot be read just now, it is looked at again.
  const isThere = async (): Promise<boolean> => (await readProcessStart(pid).catch(() => start)) === start;
  while ((await isThere()) && performance.now() < untilMs) await pause(endPauseMs);
}

function unavailable(why: string): CaissonError<BackendErrorCode> {
  return new CaissonError('BACKEND_UNAVAILABLE', `cannot set the stage of a simulated enclave: ${why}`, {
    hint: 'caisson doctor looks at what this machine gives, and docs/simulation.md says what each kind of simulation needs',
  });
}

// Between the services and PID 1, which is their only parent: asks it to start and to signal, and learns what has ended. PID 1's
// table is the truth; events are hints, and an answer that was lost is looked up there before anything is started again, so that a
// service has one process whatever happened in between (P-I5).
import { constants } from 'node:os';
import type { ProcessEnd, ProcessEntry, ProcessHost, ProcessIdentity, ProcessRequest } from '@caisson/sys';
import type { Clock, Timer } from './clock.ts';
import { isSameProcess, type ServiceEntry } from './service-entry.ts';
import { processOf, type ServiceEvent } from './service-state.ts';

export interface ProcessDeskOptions {
  readonly host: ProcessHost;
  readonly clock: Clock;
  entryOf(name: string): ServiceEntry | undefined;
  dispatch(name: string, event: ServiceEvent): void;
  /** Throws what makes the service impossible to start. */
  prepare(entry: ServiceEntry): ProcessRequest;
  /** A process of it runs: its streams can be read. */
  onRunning(entry: ServiceEntry): void;
  onTrouble(entry: ServiceEntry, what: 'start' | 'signal' | 'table', error: NodeJS.ErrnoException): void;
}

// Chosen: an event that PID 1 had no room for is found this late.
const reconcileMs = 10_000;
// Given: errors of fork(2) and execve(2), and of PID 1's table, that mean a lack of room, which passes.
const transientCodes = new Set(['EAGAIN', 'ENOMEM', 'ENFILE', 'EMFILE', 'ENOSPC', 'EBUSY', 'EINTR']);
const { SIGKILL } = constants.signals;

/** Of processes that were started by hand and are no service. */
export const LOOSE_PREFIX = 'process-';

export class ProcessDesk {
  readonly #options: ProcessDeskOptions;
  /** Ends that came before the answer to their start. */
  readonly #early = new Map<number, ProcessEntry & { readonly end: ProcessEnd }>();
  /** Being cleared away; an end is told once. */
  readonly #clearing = new Set<number>();
  #isClosed = false;
  #timer: Timer | undefined;

  constructor(options: ProcessDeskOptions) {
    this.#options = options;
    options.host.onEvent((event) => {
      if (event.kind === 'ended') this.#hearEnd(event.entry);
    });
    this.#reconcileLater();
  }

  launch(entry: ServiceEntry): void {
    void this.#launch(entry);
  }

  signal(entry: ServiceEntry, process: ProcessIdentity, last: boolean): void {
    const { name, killMode, stopSignal } = entry.service;
    const scope = killMode === 'control-group' || (last && killMode === 'mixed') ? 'cgroup' : 'process';
    this.#options.host.signal(name, process, last ? SIGKILL : stopSignal, scope).catch((error) => {
      // The process has ended already; the message about it is on its way.
      if (error.code !== 'ESRCH') this.#options.onTrouble(entry, 'signal', error);
    });
  }

  /** Takes up what PID 1 holds after a supervisor has died. Gives names of the running processes that are nobody's. */
  async adopt(wasReady: (name: string, process: ProcessIdentity) => boolean): Promise<readonly ProcessEntry[]> {
    const strangers: ProcessEntry[] = [];
    for (const { name, pid, startTime, end } of await this.#options.host.table()) {
      const process = { pid, startTime };
      const entry = this.#options.entryOf(name);
      if (entry === undefined) {
        if (end === undefined) strangers.push({ name, ...process });
        else await this.#forget(name, process);
        continue;
      }
      if (end !== undefined && processOf(entry.state) !== undefined) {
        entry.ended.push(process);
        continue;
      }
      // A later entry of the name is the newer process.
      this.#options.dispatch(name, { kind: 'adopt', process, ready: wasReady(name, process) });
      if (end === undefined) this.#options.onRunning(entry);
      else await this.#clear({ name, ...process, end });
    }
    return strangers;
  }

  /** No more looking at the table. */
  close(): void {
    this.#isClosed = true;
    this.#timer?.cancel();
  }

  /** The service will not start again by itself, so PID 1 need not keep how it ended. */
  release(entry: ServiceEntry): void {
    void this.#forgetEnded(entry);
  }

  async #launch(entry: ServiceEntry): Promise<void> {
    const { name } = entry.service;
    const { dispatch, host, prepare, onRunning, onTrouble } = this.#options;
    let process: ProcessIdentity | undefined;
    try {
      process = await host.start(prepare(entry));
    } catch (thrown) {
      const error = thrown as NodeJS.ErrnoException;
      // A process of this name exists. If PID 1's answer was lost it is the one that was asked for.
      if (error.code === 'EEXIST' || error.code === 'ETIMEDOUT') process = await this.#findRunning(name);
      if (process === undefined) {
        onTrouble(entry, 'start', error);
        await this.#forgetEnded(entry);
        dispatch(name, { kind: 'refused', transient: transientCodes.has(error.code ?? '') });
        return;
      }
    }
    onRunning(entry);
    dispatch(name, { kind: 'launched', process });
    const early = this.#early.get(process.pid);
    this.#early.delete(process.pid);
    if (early !== undefined && isSameProcess(process, early)) this.#hearEnd(early);
    // Only after the start, because PID 1 removes the FIFOs with the last entry of a name.
    await this.#forgetEnded(entry);
  }

  #hearEnd(ended: ProcessEntry & { readonly end: ProcessEnd }): void {
    const entry = this.#options.entryOf(ended.name);
    if (entry === undefined) {
      if (ended.name.startsWith(LOOSE_PREFIX)) void this.#forget(ended.name, ended);
      return;
    }
    if (isSameProcess(processOf(entry.state), ended)) void this.#clear(ended);
    else if (entry.state.phase === 'launching') this.#early.set(ended.pid, ended);
  }

  /** Removes what is left of the process before its end is reported: the next process must not meet it, and a late kill must not hit the next one. */
  async #clear({ name, pid, startTime, end }: ProcessEntry & { readonly end: ProcessEnd }): Promise<void> {
    if (this.#clearing.has(pid)) return;
    this.#clearing.add(pid);
    const { dispatch, entryOf, host } = this.#options;
    const process = { pid, startTime };
    const entry = entryOf(name);
    if (entry !== undefined && entry.service.killMode !== 'process') {
      await host.signal(name, process, SIGKILL, 'cgroup').catch(() => {});
    }
    entry?.ended.push(process);
    this.#clearing.delete(pid);
    dispatch(name, { kind: 'ended', end });
  }

  async #forgetEnded(entry: ServiceEntry): Promise<void> {
    for (const process of entry.ended.splice(0)) await this.#forget(entry.service.name, process);
  }

  async #forget(name: string, process: ProcessIdentity): Promise<void> {
    // The entry is gone, or PID 1 is; neither changes what follows.
    await this.#options.host.forget(name, process).catch(() => {});
  }

  async #findRunning(name: string): Promise<ProcessIdentity | undefined> {
    const table = await this.#options.host.table().catch(() => []);
    return table.find((one) => one.name === name && one.end === undefined);
  }

  #reconcileLater(): void {
    if (this.#isClosed) return;
    this.#timer = this.#options.clock.setTimer(
      reconcileMs,
      () => void this.#reconcile().finally(() => this.#reconcileLater()),
    );
  }

  async #reconcile(): Promise<void> {
    const table = await this.#options.host.table().catch(() => undefined);
    for (const one of table ?? []) {
      const { end } = one;
      const entry = this.#options.entryOf(one.name);
      if (end !== undefined && entry !== undefined && isSameProcess(processOf(entry.state), one)) {
        this.#hearEnd({ ...one, end });
      }
    }
  }
}

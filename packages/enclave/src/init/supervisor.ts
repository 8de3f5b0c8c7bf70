// The supervisor of an enclave's services: puts the machines, PID 1, the probes and the words together, says to the host how it all
// stands, and leaves to a successor what it must know. It starts nothing before `start`, which comes after the boot config.

import type { Log } from '@caisson/core/log';
import type { MeasuredInit, MeasuredService } from '@caisson/core/measured';
import type { ReloadView } from '@caisson/link/init';
import type { ReadyReason, ReadyReporter } from '@caisson/link/ready';
import type { Transport } from '@caisson/link/transport';
import type { Kernel, ProcessHost, ProcessRequest } from '@caisson/sys';
import { findAccount } from './account.ts';
import type { Clock } from './clock.ts';
import { describeFault, judgeHealth, reasonOf } from './health.ts';
import { NotifyDesk } from './notify-desk.ts';
import { type Outcome, outcomeOf } from './outcome.ts';
import { watchReadiness } from './probe/watch.ts';
import { LOOSE_PREFIX, ProcessDesk } from './process-desk.ts';
import { type LaunchTerms, toProcessRequest } from './process-request.ts';
import { readSavedServices, saveServices, wasReady } from './saved-state.ts';
import type { ServiceEntry } from './service-entry.ts';
import { ServiceSet } from './service-set.ts';
import { isActive, processOf, type ServiceEvent, type ServiceState } from './service-state.ts';
import { soundGraph } from './sound-graph.ts';
import { Voices } from './voice.ts';

export interface SupervisorOptions {
  readonly services: readonly MeasuredService[];
  readonly init: MeasuredInit;
  readonly host: ProcessHost;
  readonly clock: Clock;
  readonly kernel: Pick<Kernel, 'listenDatagram'>;
  /** For ReadyAction over vsock. */
  readonly transport: Transport;
  readonly reporter: Pick<ReadyReporter, 'report' | 'lastWords'>;
  /** Speaks with the boot id. */
  readonly log: Log;
  readonly terms: Omit<LaunchTerms, 'init' | 'logFolder' | 'notifyPath'>;
  /** `/run/caisson`; PID 1 makes the FIFOs in its folder `log`. */
  readonly runFolder: string;
  /** Default Math.random. */
  readonly random?: () => number;
}

// Chosen (P-I4): all within 30 s, PID 1 waits 35.
const hurryAfterMs = 27_000;
const giveUpAfterMs = 30_000;
const lastWordsLines = 200;

export class Supervisor {
  readonly #options: SupervisorOptions;
  readonly voices: Voices;
  readonly set: ServiceSet;
  readonly #desk: ProcessDesk;
  readonly #notify: NotifyDesk;
  readonly #over = Promise.withResolvers<Outcome>();
  readonly #watchers = new Set<() => void>();
  #reported = '';
  #wasUp = false;
  #isStarted = false;
  #isSaveDue = false;

  /** Throws CaissonError INIT_GRAPH for services that no order can hold; nothing has been done then. */
  constructor(options: SupervisorOptions) {
    const { clock, host, init, kernel, log, runFolder, services } = options;
    this.#options = options;
    this.voices = new Voices({ init, fifoFolder: `${runFolder}/log`, clock, log });
    this.#notify = new NotifyDesk({
      kernel,
      log,
      folder: `${runFolder}/notify`,
      onReady: (name) => this.set.dispatch(name, { kind: 'ready' }),
      onStatus: (name, text) => {
        const entry = this.set.entries.get(name);
        if (entry !== undefined) entry.statusText = text;
      },
    });
    this.set = new ServiceSet(services, soundGraph(services, log), {
      clock,
      random: options.random ?? Math.random,
      launch: (entry) => this.#desk.launch(entry),
      signal: (entry, process, last) => this.#desk.signal(entry, process, last),
      probe: (entry) => this.#probe(entry),
      stepped: (entry, event, before) => this.#stepped(entry, event, before),
      settled: () => this.#settled(),
    });
    this.#desk = new ProcessDesk({
      host,
      clock,
      entryOf: (name) => this.set.entries.get(name),
      dispatch: (name, event) => this.set.dispatch(name, event),
      prepare: (entry) => this.#prepare(entry),
      onRunning: (entry) => this.voices.attach(entry.service.name),
      onTrouble: (entry, what, error) => this.#sayTrouble(entry.service.name, what, error),
    });
  }

  /** Settles when every service of the image that is enabled has ended for good. */
  get over(): Promise<Outcome> {
    return this.#over.promise;
  }

  /** Takes up what a predecessor left, then starts what is enabled. */
  async start(): Promise<void> {
    const saved = readSavedServices(this.#savePath);
    for (const [name, entry] of this.set.entries) {
      const one = saved?.[name];
      entry.enabled = one?.enabled ?? entry.service.enabled;
      entry.wanted = one?.wanted ?? entry.service.enabled;
      if (one === undefined) continue;
      entry.state = { ...entry.state, memory: { ...entry.state.memory, launches: Math.max(0, one.launches - 1) } };
      if (one.over === 'exited') entry.state = { phase: 'exited', memory: entry.state.memory };
      else if (one.over !== null) entry.state = { phase: 'failed', fault: one.over, memory: entry.state.memory };
    }
    const strangers = await this.#desk.adopt((name, process) => wasReady(saved, name, process));
    for (const stranger of strangers) await this.#dismiss(stranger);
    this.#isStarted = true;
    const entries = [...this.set.entries.values()];
    for (const { service, state } of entries) if (isActive(state)) this.#openNotify(service);
    // Also those that have just ended and would be started again.
    const unwanted = entries.filter(({ wanted, state }) => !wanted && state.phase !== 'down');
    this.set.stop(unwanted.map(({ service }) => service.name));
    const due = entries.filter(({ wanted, state }) => wanted && state.phase === 'down');
    this.set.start(due.map(({ service }) => service.name));
  }

  /** Stops everything in reverse order, within 30 s. Gives the names of what still runs. */
  async stopAll(): Promise<readonly string[]> {
    const { clock, log, reporter } = this.#options;
    log.info('INIT_STOPPING', 'stopping all services', { active: this.set.activeNames.length });
    // This may be the last report that anybody outside gets, so it names what has failed.
    reporter.report('stopping', this.#failures());
    const hurry = clock.setTimer(hurryAfterMs, () => this.set.hurry());
    const late = Promise.withResolvers<void>();
    const giveUp = clock.setTimer(giveUpAfterMs, late.resolve);
    this.set.close();
    await Promise.race([this.until(() => this.set.activeNames.length === 0), late.promise]);
    hurry.cancel();
    giveUp.cancel();
    this.#desk.close();
    this.#notify.close();
    this.voices.close();
    return this.set.activeNames;
  }

  /** Throws INIT_GRAPH and changes nothing. */
  reload(services: readonly MeasuredService[]): ReloadView {
    const graph = soundGraph(services, this.#options.log);
    const before = new Map([...this.set.entries].map(([name, { service }]) => [name, JSON.stringify(service)]));
    const names = new Set(services.map(({ name }) => name));
    const added = services.filter(({ name }) => !before.has(name)).map(({ name }) => name);
    const changed = services.filter((one) => before.has(one.name) && before.get(one.name) !== JSON.stringify(one));
    const removed = [...before.keys()].filter((name) => !names.has(name));
    this.set.replace(services, graph);
    const unchanged = services.length - added.length - changed.length;
    this.#options.log.info('INIT_RELOADED', 'services read again', {
      added: added.length,
      changed: changed.length,
      removed: removed.length,
      unchanged,
    });
    return { added, removed, changed: changed.map(({ name }) => name), unchanged };
  }

  /** The service whose own process has this id now. */
  serviceOf(pid: number): string | undefined {
    for (const [name, { state }] of this.set.entries) if (processOf(state)?.pid === pid) return name;
    return undefined;
  }

  /** Something that a successor must know has changed without a step. */
  noteChange(): void {
    this.#settled();
  }

  /** Resolves at the first step after which `isTrue`; at once when it is so already. */
  until(isTrue: () => boolean): Promise<void> {
    return new Promise((resolve) => {
      const look = (): void => {
        if (!isTrue()) return;
        this.#watchers.delete(look);
        resolve();
      };
      this.#watchers.add(look);
      look();
    });
  }

  #failures(): ReadyReason[] {
    return [...this.set.entries.values()].flatMap(({ service, state, wanted }) =>
      wanted && state.phase === 'failed' ? [reasonOf(service.name, state)] : [],
    );
  }

  get #savePath(): string {
    return `${this.#options.runFolder}/services.json`;
  }

  #prepare(entry: ServiceEntry): ProcessRequest {
    const { init, runFolder, terms } = this.#options;
    const { service } = entry;
    entry.statusText = null;
    const { account, ...request } = toProcessRequest(service, {
      ...terms,
      init,
      logFolder: `${runFolder}/log`,
      notifyPath: (name) => this.#notify.pathOf(name),
    });
    this.#openNotify(service, account);
    return request;
  }

  #openNotify(service: MeasuredService, account = findAccount(service, this.#options.terms.root)): void {
    if (service.ready.kind === 'notify') this.#notify.open(service.name, account);
  }

  #probe({ service }: ServiceEntry): { stop(): void } {
    const { clock, transport } = this.#options;
    const onReady = (): void => this.set.dispatch(service.name, { kind: 'ready' });
    return watchReadiness({ ready: service.ready, clock, transport, onReady });
  }

  #stepped(entry: ServiceEntry, event: ServiceEvent, before: ServiceState): void {
    const { name } = entry.service;
    const { state } = entry;
    const { log, reporter } = this.#options;
    const pid = processOf(state)?.pid ?? processOf(before)?.pid;
    const fault = state.phase === 'failed' ? describeFault(state.fault) : undefined;
    const end = event.kind === 'ended' ? describeEnd(event.end) : undefined;
    if (event.kind === 'ended') this.voices.drain(name);
    const isPassing = state.phase === 'waiting' || state.phase === 'launching';
    const level = fault !== undefined ? 'error' : isPassing ? 'debug' : 'info';
    log.child({ service: name })[level]('INIT_SERVICE', state.phase, { from: before.phase, pid, end, reason: fault });
    const words = [state.phase, pid && `pid ${pid}`, end, fault].filter(Boolean).join(', ');
    if (!isPassing || end !== undefined) this.voices.note(name, words);
    // A host that gives up an enclave that never became ready will want the last output of this service.
    const isGivenUp = this.set.isClosing && before.phase === 'starting' && state.phase === 'stopping';
    if (isGivenUp) this.voices.drain(name);
    if (fault !== undefined || isGivenUp) {
      const lines = this.voices.of(name).lastInMemory(lastWordsLines);
      reporter.lastWords(
        name,
        lines.map(({ text }) => text),
      );
    }
    if (state.phase === 'down' || state.phase === 'exited' || state.phase === 'failed') this.#desk.release(entry);
  }

  #settled(): void {
    if (!this.#isStarted) return;
    this.#saveSoon();
    for (const look of [...this.#watchers]) look();
    if (this.set.isClosing) return;
    const entries = [...this.set.entries.values()];
    const parts = entries.map(({ service, state, wanted }) => ({ name: service.name, state, wanted }));
    const { phase, reasons } = judgeHealth(parts, this.#wasUp);
    this.#wasUp ||= phase === 'ready';
    const text = JSON.stringify([phase, reasons]);
    if (text !== this.#reported) {
      this.#reported = text;
      this.#options.reporter.report(phase, reasons);
    }
    const outcome = outcomeOf(entries);
    if (outcome !== undefined) this.#over.resolve(outcome);
  }

  /** At most once in each turn of the event loop. */
  #saveSoon(): void {
    if (this.#isSaveDue) return;
    this.#isSaveDue = true;
    setImmediate(() => {
      this.#isSaveDue = false;
      try {
        saveServices(this.#savePath, this.set.entries.values());
      } catch (error) {
        this.#options.log.warn('INIT_UNSAVED', 'state for a successor is not kept', {
          reason: (error as Error).message,
        });
      }
    });
  }

  async #dismiss({ name, pid, startTime }: { name: string; pid: number; startTime: number }): Promise<void> {
    // Processes that operators started outlive a supervisor.
    if (name.startsWith(LOOSE_PREFIX) || name.startsWith('exec-') || name.startsWith('job-')) return;
    this.#options.log.warn('INIT_STRANGER', 'a process of no service is ended', { process: name, pid });
    await this.#options.host.signal(name, { pid, startTime }, 9, 'cgroup').catch(() => {});
  }

  #sayTrouble(name: string, what: string, error: NodeJS.ErrnoException): void {
    const fields = { what, code: error.code, reason: error.message };
    this.#options.log.child({ service: name }).error('INIT_SERVICE_TROUBLE', 'PID 1 refused', fields);
    this.voices.note(name, `${what}: ${error.message}`);
  }
}

function describeEnd(end: { kind: 'exit'; code: number } | { kind: 'signal'; signal: number }): string {
  return end.kind === 'exit' ? `exit ${end.code}` : `signal ${end.signal}`;
}

// All services together: each event goes through the machine of its service, and what follows from it for others is done before
// anybody else is heard: gates open, failures spread to what requires them, stops go on in reverse order. The world outside
// (processes, probes, logs) is behind ServiceWorld, so that everything here happens in one turn of the loop.
import type { MeasuredService, ServiceGraph } from '@caisson/core/measured';
import type { ProcessIdentity } from '@caisson/sys';
import type { Clock } from './clock.ts';
import { denial, followersOf, judgeGate, mayStop, requirementsOf } from './gate.ts';
import { createEntry, type ServiceEntry } from './service-entry.ts';
import { isActive, processOf, type ServiceEffect, type ServiceEvent, type ServiceFault } from './service-state.ts';
import { stepService } from './step-service.ts';

export interface ServiceWorld {
  readonly clock: Clock;
  /** 0..1. */
  random(): number;
  /** Asks PID 1 for a process; the answer comes as `launched` or `refused`. */
  launch(entry: ServiceEntry): void;
  signal(entry: ServiceEntry, process: ProcessIdentity, last: boolean): void;
  /** Looks for readiness; tells `ready` at most once. */
  probe(entry: ServiceEntry, process: ProcessIdentity): { stop(): void };
  /** After every step that changed a phase. */
  stepped(entry: ServiceEntry, event: ServiceEvent, before: ServiceEntry['state']): void;
  /** After everything that follows from an event has been done. */
  settled(): void;
}

export class ServiceSet {
  readonly entries = new Map<string, ServiceEntry>();
  readonly #world: ServiceWorld;
  #graph: ServiceGraph;
  /** What is to stop, and as what: `down`, or failed for want of a requirement. */
  readonly #ending = new Map<string, 'down' | ServiceFault>();
  /** Names whose phase has changed and whose neighbours have not been looked at. */
  readonly #changed = new Set<string>();
  #isSettling = false;
  /** The enclave ends: nothing starts any more. */
  #isClosing = false;
  #isHurrying = false;

  constructor(services: readonly MeasuredService[], graph: ServiceGraph, world: ServiceWorld) {
    this.#world = world;
    this.#graph = graph;
    for (const service of services) this.entries.set(service.name, createEntry(service));
  }

  get graph(): ServiceGraph {
    return this.#graph;
  }

  get isClosing(): boolean {
    return this.#isClosing;
  }

  /** An event that the world has seen. Of an unknown name: nothing. */
  dispatch(name: string, event: ServiceEvent): void {
    const entry = this.entries.get(name);
    if (entry === undefined) return;
    this.#step(entry, event);
    this.#settle();
  }

  /** Each of `names` and what they require is to be up. */
  start(names: Iterable<string>): void {
    if (this.#isClosing) return;
    for (const name of names) for (const one of requirementsOf(name, this.#graph)) this.#want(one);
    this.#settle();
  }

  /** These and what requires them are to be down, in reverse order. */
  stop(names: Iterable<string>): void {
    for (const name of names) {
      for (const one of [name, ...followersOf(name, this.#graph, 'requiredBy')]) this.#unwant(one);
    }
    this.#settle();
  }

  /** Only this one's process is replaced. */
  restart(name: string): void {
    const entry = this.entries.get(name);
    if (this.#isClosing || entry === undefined) return;
    this.start([name]);
    this.dispatch(name, { kind: 'restart' });
  }

  /** Everything stops, in reverse order, and nothing starts again. */
  close(): void {
    this.#isClosing = true;
    for (const name of this.entries.keys()) this.#unwant(name);
    this.#settle();
  }

  /** The time for graces is over: still in reverse order, by SIGKILL. */
  hurry(): void {
    this.#isHurrying = true;
    for (const entry of this.entries.values())
      if (entry.state.phase === 'stopping') this.#step(entry, { kind: 'kill' });
    this.#settle();
  }

  get activeNames(): readonly string[] {
    return [...this.entries.values()].filter(({ state }) => isActive(state)).map(({ service }) => service.name);
  }

  /** A new list, with its sound graph. What did not change is not touched. */
  replace(services: readonly MeasuredService[], graph: ServiceGraph): void {
    this.#graph = graph;
    const names = new Set(services.map(({ name }) => name));
    for (const service of services) {
      const entry = this.entries.get(service.name);
      if (entry === undefined) this.entries.set(service.name, createEntry(service));
      else if (entry.replacement !== undefined || !isEqual(entry.service, service)) this.#redefine(entry, service);
    }
    for (const [name, entry] of this.entries) {
      if (names.has(name)) continue;
      entry.replacement = null;
      this.#unwant(name);
      this.#changed.add(name);
    }
    const wanted = [...this.entries.values()].filter((one) => one.enabled && names.has(one.service.name) && isNew(one));
    this.start(wanted.map(({ service }) => service.name));
    this.#settle();
  }

  #redefine(entry: ServiceEntry, service: MeasuredService): void {
    // Enabling by hand holds for this boot; the file's own word counts when it is the file that changed it.
    if (entry.service.enabled !== service.enabled) {
      entry.enabled = service.enabled;
      const dependants = followersOf(service.name, this.#graph, 'requiredBy');
      entry.wanted = service.enabled || [...dependants].some((name) => this.entries.get(name)?.wanted);
    }
    entry.replacement = service;
    this.#changed.add(service.name);
    if (!entry.wanted) this.stop([service.name]);
    else if (!isActive(entry.state)) this.#step(entry, { kind: 'stop' });
  }

  #want(name: string): void {
    const entry = this.entries.get(name);
    if (entry === undefined) return;
    entry.wanted = true;
    this.#ending.delete(name);
    this.#step(entry, { kind: 'start' });
  }

  #unwant(name: string): void {
    const entry = this.entries.get(name);
    if (entry === undefined) return;
    entry.wanted = false;
    this.#ending.set(name, 'down');
  }

  #step(entry: ServiceEntry, event: ServiceEvent): void {
    const { clock } = this.#world;
    const before = entry.state;
    const { state, effects } = stepService(before, event, entry.service, {
      nowMs: clock.now(),
      random: this.#world.random(),
    });
    entry.state = state;
    if (state.phase !== before.phase) {
      entry.timer?.cancel();
      entry.timer = undefined;
      entry.probe?.stop();
      entry.probe = undefined;
      this.#changed.add(entry.service.name);
      this.#world.stepped(entry, event, before);
    }
    for (const effect of effects) this.#perform(entry, effect);
  }

  #perform(entry: ServiceEntry, effect: ServiceEffect): void {
    const { name } = entry.service;
    switch (effect.kind) {
      case 'launch':
        this.#world.launch(entry);
        return;
      case 'signal':
        this.#world.signal(entry, effect.process, effect.last);
        return;
      case 'timer':
        entry.timer?.cancel();
        entry.timer = this.#world.clock.setTimer(effect.delayMs, () => this.dispatch(name, { kind: 'timer' }));
        return;
      case 'probe': {
        const process = processOf(entry.state);
        if (process !== undefined) entry.probe = this.#world.probe(entry, process);
      }
    }
  }

  #settle(): void {
    if (this.#isSettling) return;
    this.#isSettling = true;
    for (let turn = 0; turn === 0 || this.#changed.size > 0; turn += 1) {
      for (const name of [...this.#changed]) {
        this.#changed.delete(name);
        this.#redefineNow(name);
        this.#tellNeighbours(name);
      }
      for (const [name, as] of [...this.#ending]) this.#end(name, as);
    }
    this.#isSettling = false;
    this.#world.settled();
  }

  /** Takes what a reload brought, once no process of the old definition runs; ends the old one if it is to be up. */
  #redefineNow(name: string): void {
    const entry = this.entries.get(name);
    if (entry?.replacement === undefined) return;
    if (!isActive(entry.state)) {
      if (entry.replacement === null) this.entries.delete(name);
      else entry.service = entry.replacement;
      entry.replacement = undefined;
      if (entry.wanted) this.#step(entry, { kind: 'start' });
    } else if (entry.wanted && (entry.state.phase === 'starting' || entry.state.phase === 'ready')) {
      this.#step(entry, { kind: 'restart' });
    }
  }

  #tellNeighbours(name: string): void {
    const entry = this.entries.get(name);
    if (entry === undefined) return;
    const { phase } = entry.state;
    this.#tryGate(entry);
    for (const follower of this.#graph.before.get(name) ?? []) {
      const other = this.entries.get(follower);
      if (other !== undefined) this.#tryGate(other);
    }
    for (const dependant of this.#graph.requiredBy.get(name) ?? []) {
      const other = this.entries.get(dependant);
      if (other === undefined) continue;
      if (phase === 'failed' && isActive(other.state) && !this.#ending.has(dependant)) this.#failAlong(name, dependant);
      const isBack = phase === 'ready' || phase === 'exited';
      const hadFailed = other.state.phase === 'failed' && other.state.fault.requirement !== undefined;
      if (isBack && hadFailed && other.wanted && !this.#isClosing) this.#step(other, { kind: 'start' });
    }
  }

  /** With all that requires it, so that they stop in reverse order. */
  #failAlong(requirement: string, dependant: string): void {
    this.#ending.set(dependant, denial(requirement));
    for (const further of followersOf(dependant, this.#graph, 'requiredBy')) {
      const entry = this.entries.get(further);
      if (entry !== undefined && isActive(entry.state) && !this.#ending.has(further)) {
        this.#ending.set(further, denial(dependant));
      }
    }
  }

  #tryGate(entry: ServiceEntry): void {
    if (entry.state.phase !== 'waiting' || entry.replacement !== undefined) return;
    const gate = judgeGate(entry.service.name, this.#graph, (other) => this.entries.get(other)?.state);
    if (gate === 'open') this.#step(entry, { kind: 'open' });
    else if (gate !== 'closed') this.#step(entry, { kind: 'deny', fault: gate });
  }

  #end(name: string, as: 'down' | ServiceFault): void {
    const entry = this.entries.get(name);
    const event: ServiceEvent = as === 'down' ? { kind: 'stop' } : { kind: 'deny', fault: as };
    if (entry === undefined || !isActive(entry.state)) {
      this.#ending.delete(name);
      if (entry !== undefined) this.#step(entry, event);
      return;
    }
    // What comes after a stop that is under way may change; the stop itself does not begin again.
    const isUnderWay = entry.state.phase === 'stopping' || entry.state.phase === 'launching';
    if (!isUnderWay && !mayStop(name, this.#ending, this.#graph, (other) => this.entries.get(other)?.state)) return;
    if (!('next' in entry.state) || entry.state.next !== as) this.#step(entry, event);
    if (this.#isHurrying && entry.state.phase === 'stopping' && !entry.state.killed)
      this.#step(entry, { kind: 'kill' });
  }
}

function isNew({ state, wanted }: ServiceEntry): boolean {
  return state.phase === 'down' && state.memory.launches === 0 && !wanted;
}

function isEqual(left: MeasuredService, right: MeasuredService): boolean {
  return JSON.stringify(left) === JSON.stringify(right);
}

// What the promises of a ProcessHost need: the host itself, and programs of four kinds to start.
import { equal } from 'node:assert/strict';
import type { ProcessEnd, ProcessHost, ProcessHostEvent, ProcessIdentity, ProcessRequest } from '@caisson/sys';

export interface ProcessHostPair {
  readonly host: ProcessHost;
  /** A request for a program that ends at once with that code. */
  exits(name: string, code: number): ProcessRequest;
  /** One that runs until a signal ends it, any signal. */
  waits(name: string): ProcessRequest;
  /** One that only SIGKILL ends. Resolves once `started` would ignore the others. */
  ignores(name: string): ProcessRequest;
  settled(name: string): Promise<void>;
  /** One whose program is not there. */
  lacks(name: string): ProcessRequest;
  /** SIGTERM or SIGHUP to PID 1. */
  tell(kind: 'terminate' | 'reload'): void;
  /** The supervisor dies; resolves with the next one's host. */
  takeOver(): Promise<ProcessHost>;
}

export interface ProcessHostPromise {
  readonly title: string;
  run(pair: ProcessHostPair): Promise<void>;
}

export interface Watch {
  readonly events: readonly ProcessHostEvent[];
  next(kind: ProcessHostEvent['kind'], name?: string): Promise<ProcessHostEvent>;
  ended(name: string): Promise<ProcessEnd>;
}

/** Remembers every event, so that a promise may wait for one that has come already. */
export function watch(host: ProcessHost): Watch {
  const events: ProcessHostEvent[] = [];
  const waiters = new Set<() => void>();
  host.onEvent((event) => {
    events.push(event);
    for (const waiter of waiters) waiter();
  });
  const next: Watch['next'] = (kind, name) =>
    new Promise((resolve) => {
      const look = (): void => {
        const found = events.find(
          (event) =>
            event.kind === kind && (name === undefined || (event.kind === 'ended' && event.entry.name === name)),
        );
        if (found === undefined) return;
        waiters.delete(look);
        resolve(found);
      };
      waiters.add(look);
      look();
    });
  return {
    events,
    next,
    async ended(name) {
      const event = await next('ended', name);
      equal(event.kind, 'ended');
      return (event as ProcessHostEvent & { kind: 'ended' }).entry.end;
    },
  };
}

/** Leaves the table as it was before. */
export async function clear(host: ProcessHost, name: string, identity: ProcessIdentity): Promise<void> {
  const seen = watch(host);
  const entry = (await host.table()).find((one) => one.name === name && one.pid === identity.pid);
  if (entry?.end === undefined) {
    await host.signal(name, identity, 9, 'process');
    await seen.ended(name);
  }
  await host.forget(name, identity);
}

// Whether a service may start now, and whether one that is to stop may stop now. Pure: the graph and the phases decide.
import type { ServiceGraph } from '@caisson/core/measured';
import { isActive, type ServiceFault, type ServiceState } from './service-state.ts';

type StateOf = (name: string) => ServiceState | undefined;

/** `closed`: something it waits for is still on its way. A fault: what it requires will not come. */
export function judgeGate(name: string, graph: ServiceGraph, stateOf: StateOf): 'open' | 'closed' | ServiceFault {
  const required = graph.requires.get(name) ?? new Set();
  let gate: 'open' | 'closed' = 'open';
  for (const other of graph.after.get(name) ?? []) {
    const state = stateOf(other);
    if (required.has(other)) {
      if (state === undefined || state.phase === 'failed' || state.phase === 'down') return denial(other);
      if (state.phase !== 'ready' && state.phase !== 'exited') gate = 'closed';
    } else if (state !== undefined && !isSettled(state)) {
      gate = 'closed';
    }
  }
  return gate;
}

export function denial(requirement: string): ServiceFault {
  return { code: 'service-requirement', requirement };
}

/**
 * For an order alone it is enough that the other had its turn: it is up, or its first try has failed, or it is not to run. Waiting
 * for one that falls again and again would make its fault everybody's.
 */
function isSettled(state: ServiceState): boolean {
  if (state.phase === 'stopping') return state.next !== 'start';
  return state.phase !== 'waiting' && state.phase !== 'launching' && state.phase !== 'starting';
}

// Asked again at every step of a shutdown.
const followers = new WeakMap<ReadonlyMap<string, ReadonlySet<string>>, Map<string, ReadonlySet<string>>>();

/** Everything that waits for `name`, however indirectly; or only what requires it. */
export function followersOf(name: string, graph: ServiceGraph, edges: 'before' | 'requiredBy'): ReadonlySet<string> {
  const known = followers.get(graph[edges]) ?? new Map<string, ReadonlySet<string>>();
  followers.set(graph[edges], known);
  const found = known.get(name) ?? collectFollowers(name, graph[edges]);
  known.set(name, found);
  return found;
}

function collectFollowers(name: string, edges: ReadonlyMap<string, ReadonlySet<string>>): ReadonlySet<string> {
  const found = new Set<string>();
  const open = [name];
  for (let at = open.pop(); at !== undefined; at = open.pop()) {
    for (const follower of edges.get(at) ?? []) {
      if (found.has(follower)) continue;
      found.add(follower);
      open.push(follower);
    }
  }
  return found;
}

/** `name` and all it requires, however indirectly. */
export function requirementsOf(name: string, graph: ServiceGraph): ReadonlySet<string> {
  const found = new Set([name]);
  for (const at of found) for (const required of graph.requires.get(at) ?? []) found.add(required);
  return found;
}

/** P-I4: nothing stops before what waits for it, of those that are to stop. */
export function mayStop(
  name: string,
  ending: ReadonlyMap<string, unknown>,
  graph: ServiceGraph,
  stateOf: StateOf,
): boolean {
  for (const follower of followersOf(name, graph, 'before')) {
    const state = stateOf(follower);
    // A follower that goes on running was only to start after this service; it does not keep it from stopping.
    if (ending.has(follower) && state !== undefined && isActive(state)) return false;
  }
  return true;
}

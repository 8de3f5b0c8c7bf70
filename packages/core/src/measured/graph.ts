// The order of services: who waits for whom, and whether that can work at all. Used twice, by the builder (a fault is a failed
// build) and by the supervisor (a fault stops the boot: it never guesses an order).
import { findCycles } from './cycle.ts';
import type { MeasuredService } from './service.ts';

export type ServiceRelation = 'before' | 'after' | 'requires' | 'requiredBy';
export type ServiceLinks = Pick<MeasuredService, 'name' | ServiceRelation>;

export type GraphFault =
  /** Harmless for `before` and `after`, which only order what is there; `requires` and `requiredBy` cannot be kept. */
  | { readonly kind: 'unknown'; readonly service: string; readonly relation: ServiceRelation; readonly target: string }
  /** Each waits for the next, the last for the first. Starts at the least name; one of each knot. */
  | { readonly kind: 'cycle'; readonly services: readonly string[] }
  | { readonly kind: 'duplicate'; readonly service: string };

/** Every map has every name; a set is in order of names. Edges to unknown services are left out. */
export interface ServiceGraph {
  /** Each after all it waits for, ties by name. Without the services of a cycle and what waits for them. */
  readonly order: readonly string[];
  /** What must be ready before it starts: Requires, and RequiredBy of the other side. */
  readonly requires: ReadonlyMap<string, ReadonlySet<string>>;
  readonly requiredBy: ReadonlyMap<string, ReadonlySet<string>>;
  /** What it waits for at all: `requires`, After, and Before of the other side. */
  readonly after: ReadonlyMap<string, ReadonlySet<string>>;
  readonly before: ReadonlyMap<string, ReadonlySet<string>>;
}

/** Never throws: `faults` has all of them, in order of services. See `isFatalFault`. */
export function buildServiceGraph(services: readonly ServiceLinks[]): {
  readonly graph: ServiceGraph;
  readonly faults: readonly GraphFault[];
} {
  const faults: GraphFault[] = [];
  const links = new Map<string, ServiceLinks>();
  for (const service of [...services].sort(byName)) {
    if (links.has(service.name)) faults.push({ kind: 'duplicate', service: service.name });
    else links.set(service.name, service);
  }

  const names = [...links.keys()];
  const requires = emptySets(names);
  const after = emptySets(names);
  for (const { name, ...service } of links.values()) {
    const known = (relation: ServiceRelation): readonly string[] =>
      service[relation].filter((target) => {
        if (links.has(target)) return true;
        faults.push({ kind: 'unknown', service: name, relation, target });
        return false;
      });
    for (const target of known('requires')) {
      requires.get(name)?.add(target);
      after.get(name)?.add(target);
    }
    for (const target of known('requiredBy')) {
      requires.get(target)?.add(name);
      after.get(target)?.add(name);
    }
    for (const target of known('after')) after.get(name)?.add(target);
    for (const target of known('before')) after.get(target)?.add(name);
  }

  for (const cycle of findCycles(names, after)) faults.push({ kind: 'cycle', services: cycle });
  const graph = {
    order: orderOf(names, after),
    requires: sorted(requires),
    requiredBy: inverted(names, requires),
    after: sorted(after),
    before: inverted(names, after),
  };
  return { graph, faults };
}

/** Whether services with this fault can be started at all. */
export function isFatalFault(fault: GraphFault): boolean {
  return fault.kind !== 'unknown' || fault.relation === 'requires' || fault.relation === 'requiredBy';
}

/** `service a requires b, which does not exist`, `services wait for each other: a -> b -> a`. */
export function describeGraphFault(fault: GraphFault): string {
  if (fault.kind === 'duplicate') return `service ${fault.service} is defined twice`;
  if (fault.kind === 'cycle')
    return `services wait for each other: ${[...fault.services, fault.services[0]].join(' -> ')}`;
  const words = { before: 'is before', after: 'is after', requires: 'requires', requiredBy: 'is required by' };
  return `service ${fault.service} ${words[fault.relation]} ${fault.target}, which does not exist`;
}

/** Kahn's algorithm over levels that are kept sorted, so that the order depends on names alone. */
function orderOf(names: readonly string[], after: ReadonlyMap<string, ReadonlySet<string>>): string[] {
  const order: string[] = [];
  const open = new Map(names.map((name) => [name, after.get(name)?.size ?? 0]));
  const before = inverted(names, after);
  let free = names.filter((name) => open.get(name) === 0);
  while (free.length > 0) {
    order.push(...free);
    const next: string[] = [];
    for (const name of free) {
      for (const waiter of before.get(name) ?? []) {
        const left = (open.get(waiter) ?? 0) - 1;
        open.set(waiter, left);
        if (left === 0) next.push(waiter);
      }
    }
    free = next.sort();
  }
  return order;
}

function emptySets(names: readonly string[]): Map<string, Set<string>> {
  return new Map(names.map((name) => [name, new Set<string>()]));
}

function sorted(sets: ReadonlyMap<string, ReadonlySet<string>>): Map<string, Set<string>> {
  return new Map([...sets].map(([name, set]) => [name, new Set([...set].sort())]));
}

function inverted(names: readonly string[], sets: ReadonlyMap<string, ReadonlySet<string>>): Map<string, Set<string>> {
  const result = emptySets(names);
  for (const [name, set] of sets) for (const target of set) result.get(target)?.add(name);
  return sorted(result);
}

function byName(left: ServiceLinks, right: ServiceLinks): number {
  return left.name < right.name ? -1 : left.name > right.name ? 1 : 0;
}

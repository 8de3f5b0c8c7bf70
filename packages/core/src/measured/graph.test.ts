// The order of services: what it must keep for any graph, and what it says about those that cannot be kept.
import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import { buildServiceGraph, describeGraphFault, isFatalFault, type ServiceLinks } from './index.ts';

const numRuns = process.env['CAISSON_LANE'] === 'deep' ? 20_000 : 400;

function service(name: string, links: Partial<ServiceLinks> = {}): ServiceLinks {
  return { name, before: [], after: [], requires: [], requiredBy: [], ...links };
}

const anyGraph = fc.integer({ min: 1, max: 20 }).chain((size) => {
  const names = fc.array(
    fc.integer({ min: 0, max: size }).map((at) => `s${at}`),
    { maxLength: 2 },
  );
  const links = fc.record({ before: names, after: names, requires: names, requiredBy: names });
  return fc
    .array(links, { minLength: size, maxLength: size })
    .map((all) => all.map((one, at) => service(`s${at}`, one)));
});

/** All edges "waits for", by the words of the service files alone. */
function waits(services: readonly ServiceLinks[]): Map<string, Set<string>> {
  const edges = new Map(services.map(({ name }) => [name, new Set<string>()]));
  const known = new Set(edges.keys());
  for (const one of services) {
    for (const target of [...one.after, ...one.requires]) if (known.has(target)) edges.get(one.name)?.add(target);
    for (const target of [...one.before, ...one.requiredBy]) edges.get(target)?.add(one.name);
  }
  return edges;
}

test('orders each service after all it waits for, ties by name, whatever order the files are read in', () => {
  const services = [
    service('web', { requires: ['db'], after: ['cache'] }),
    service('cache', { before: ['web'] }),
    service('db', { requiredBy: ['jobs'] }),
    service('jobs'),
  ];
  const { graph, faults } = buildServiceGraph(services);
  assert.deepEqual(faults, []);
  assert.deepEqual(graph.order, ['cache', 'db', 'jobs', 'web']);
  assert.deepEqual(buildServiceGraph(services.toReversed()).graph, graph);
  assert.deepEqual([...(graph.requires.get('jobs') ?? [])], ['db']);
  assert.deepEqual([...(graph.requires.get('web') ?? [])], ['db']);
  assert.deepEqual([...(graph.after.get('web') ?? [])], ['cache', 'db']);
  assert.deepEqual([...(graph.requiredBy.get('db') ?? [])], ['jobs', 'web']);
  assert.deepEqual([...(graph.before.get('cache') ?? [])], ['web']);
});

test('names a cycle from its least name, the shortest of its knot', () => {
  const services = [
    service('d', { after: ['b'] }),
    service('b', { after: ['c'] }),
    service('c', { requires: ['a', 'd'] }),
    service('a', { before: ['x'] }),
    service('x', { after: ['x'] }),
  ];
  const { faults, graph } = buildServiceGraph(services);
  assert.deepEqual(faults, [
    { kind: 'cycle', services: ['b', 'c', 'd'] },
    { kind: 'cycle', services: ['x'] },
  ]);
  assert.deepEqual(faults.map(describeGraphFault), [
    'services wait for each other: b -> c -> d -> b',
    'services wait for each other: x -> x',
  ]);
  assert.deepEqual(graph.order, ['a']);
});

test('an unknown Requires or RequiredBy is fatal, an unknown After or Before is not', () => {
  const links = { before: ['w'], after: ['x'], requires: ['y'], requiredBy: ['z'] };
  const { faults, graph } = buildServiceGraph([service('a', links)]);
  assert.deepEqual(
    faults.map((fault) => [describeGraphFault(fault), isFatalFault(fault)]),
    [
      ['service a requires y, which does not exist', true],
      ['service a is required by z, which does not exist', true],
      ['service a is after x, which does not exist', false],
      ['service a is before w, which does not exist', false],
    ],
  );
  assert.deepEqual(graph.order, ['a']);
});

test('refuses a name that is there twice', () => {
  const { faults } = buildServiceGraph([service('a'), service('a')]);
  assert.deepEqual(faults.map(describeGraphFault), ['service a is defined twice']);
  assert.equal(faults.every(isFatalFault), true);
});

test('for any graph: the order keeps every edge, and a cycle is named exactly where none can', () => {
  fc.assert(
    fc.property(anyGraph, (services) => {
      const { graph, faults } = buildServiceGraph(services);
      const edges = waits(services);
      const place = new Map(graph.order.map((name, at) => [name, at]));
      for (const name of graph.order) {
        for (const target of edges.get(name) ?? []) assert.ok((place.get(target) ?? 99) < (place.get(name) ?? 0));
      }
      const cycles = faults.flatMap((fault) => (fault.kind === 'cycle' ? [fault.services] : []));
      assert.equal(graph.order.length === services.length, cycles.length === 0);
      for (const cycle of cycles) {
        for (const [at, name] of cycle.entries()) {
          assert.ok(edges.get(name)?.has(cycle[(at + 1) % cycle.length] ?? ''));
        }
        assert.equal(cycle[0], [...cycle].sort()[0]);
      }
    }),
    { seed: 6, numRuns },
  );
});

test('a chain of 10,000 services is ordered, and closed to a ring it is one cycle', () => {
  const names = Array.from({ length: 10_000 }, (_, at) => `s${String(at).padStart(5, '0')}`);
  const chain = names.map((name, at) => service(name, { after: at === 0 ? [] : [names[at - 1] ?? ''] }));
  assert.deepEqual(buildServiceGraph(chain).graph.order, names);
  const ring = [service(names[0] ?? '', { after: [names.at(-1) ?? ''] }), ...chain.slice(1)];
  const [fault] = buildServiceGraph(ring).faults;
  assert.equal(fault?.kind === 'cycle' && fault.services.length, 10_000);
});

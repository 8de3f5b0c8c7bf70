// The fake keeps what the real one promises, and what a test needs besides.
import { deepEqual, equal, rejects, throws } from 'node:assert/strict';
import { test } from 'node:test';
import type { ProcessHostEvent, ProcessRequest } from '@caisson/sys';
import { describeProcessHostContract } from '../contract/process-host.ts';
import { probeRequest } from '../pid1/index.ts';
import type { FakeProgram } from './process-host.ts';
import { createFakeProcessHost } from './process-host.ts';

function program({ argv: [, verb, word] }: ProcessRequest): FakeProgram {
  if (verb === 'exit') return { kind: 'ends', end: { kind: 'exit', code: Number(word) } };
  if (verb === 'ignore') return { kind: 'runs', onSignal: () => undefined };
  return verb === undefined ? { kind: 'fails', code: 'ENOENT' } : { kind: 'runs' };
}

describeProcessHostContract('fake', false, async () => {
  const host = createFakeProcessHost({ program });
  return {
    host,
    exits: (name, code) => probeRequest(name, ['exit', String(code)]),
    waits: (name) => probeRequest(name, ['wait']),
    ignores: (name) => probeRequest(name, ['ignore']),
    settled: async () => {},
    lacks: (name) => probeRequest(name, []),
    tell: host.tell,
    takeOver: async () => host.takeOver(),
  };
});

test('ends by hand, at once, and remembers what was asked', async () => {
  const host = createFakeProcessHost();
  const events: ProcessHostEvent[] = [];
  host.onEvent((event) => events.push(event));
  const identity = await host.start(probeRequest('web', ['wait']));
  deepEqual(identity, { pid: 100, startTime: 1000 });
  deepEqual(host.running(), ['web']);
  host.finish('web', { kind: 'exit', code: 7 });
  deepEqual(events, [{ kind: 'ended', entry: { name: 'web', ...identity, end: { kind: 'exit', code: 7 } } }]);
  throws(() => host.finish('web'), TypeError);
  await host.end(3);
  equal(host.exitCode, 3);
  deepEqual(host.calls, ['start web', 'end 3']);
});

test('a supervisor that has died hears and says nothing more', async () => {
  const host = createFakeProcessHost();
  const events: ProcessHostEvent[] = [];
  host.onEvent((event) => events.push(event));
  await host.start(probeRequest('web', ['wait']));
  const next = host.takeOver();
  next.finish('web');
  deepEqual(events, []);
  await rejects(host.end(0), { code: 'EPIPE' });
  equal((await next.table())[0]?.end?.kind, 'exit');
});

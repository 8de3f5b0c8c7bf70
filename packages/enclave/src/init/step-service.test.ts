// The machine of one service: every phase against every event, and what no sequence of events can make it do.
import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import { freshMemory, HEALTHY_AFTER_MS } from './back-off.ts';
import { isActive, type PhaseName, type ServiceEvent, type ServiceState } from './service-state.ts';
import { type MachineTerms, stepService } from './step-service.ts';

const terms: MachineTerms = {
  restart: 'on-failure',
  restartDelayMs: 100,
  startLimit: { count: 5, windowMs: 600_000 },
  ready: { kind: 'notify' },
  readyTimeoutMs: 30_000,
  stopTimeoutMs: 10_000,
};
const memory = freshMemory(terms);
const process = { pid: 100, startTime: 7 };
const context = { nowMs: 5_000, random: 0.5 };
const fault = { code: 'service-requirement', requirement: 'db' } as const;

const states: Readonly<Record<PhaseName, ServiceState>> = {
  down: { phase: 'down', memory },
  waiting: { phase: 'waiting', memory },
  launching: { phase: 'launching', next: 'run', memory },
  starting: { phase: 'starting', process, sinceMs: 0, memory },
  ready: { phase: 'ready', process, sinceMs: 0, memory },
  stopping: { phase: 'stopping', process, sinceMs: 0, next: 'down', killed: false, memory },
  backoff: { phase: 'backoff', memory },
  exited: { phase: 'exited', memory },
  failed: { phase: 'failed', fault, memory },
};
const events: Readonly<Record<string, ServiceEvent>> = {
  start: { kind: 'start' },
  open: { kind: 'open' },
  deny: { kind: 'deny', fault },
  launched: { kind: 'launched', process },
  refused: { kind: 'refused', transient: false },
  'refused for now': { kind: 'refused', transient: true },
  ready: { kind: 'ready' },
  timer: { kind: 'timer' },
  'ended 0': { kind: 'ended', end: { kind: 'exit', code: 0 } },
  'ended 1': { kind: 'ended', end: { kind: 'exit', code: 1 } },
  stop: { kind: 'stop' },
  restart: { kind: 'restart' },
  adopt: { kind: 'adopt', process, ready: false },
  'adopt ready': { kind: 'adopt', process, ready: true },
};

// Where an event leads and what it does; an event that a phase does not name changes nothing there.
const table: Readonly<Record<PhaseName, Readonly<Record<string, string>>>> = {
  down: { start: 'waiting', restart: 'waiting', adopt: 'starting probe timer', 'adopt ready': 'ready timer' },
  waiting: {
    open: 'launching launch',
    deny: 'failed',
    stop: 'down',
    adopt: 'starting probe timer',
    'adopt ready': 'ready timer',
  },
  launching: {
    launched: 'starting probe timer',
    refused: 'backoff timer',
    'refused for now': 'backoff timer',
    stop: 'launching',
    deny: 'launching',
  },
  starting: {
    ready: 'ready timer',
    timer: 'stopping signal timer',
    'ended 0': 'backoff timer',
    'ended 1': 'backoff timer',
    stop: 'stopping signal timer',
    restart: 'stopping signal timer',
    deny: 'stopping signal timer',
  },
  ready: {
    timer: 'ready',
    'ended 0': 'exited',
    'ended 1': 'backoff timer',
    stop: 'stopping signal timer',
    restart: 'stopping signal timer',
    deny: 'stopping signal timer',
  },
  stopping: {
    timer: 'stopping signal timer',
    'ended 0': 'down',
    'ended 1': 'down',
    stop: 'stopping',
    start: 'stopping',
    restart: 'stopping',
  },
  backoff: {
    timer: 'waiting',
    start: 'waiting',
    restart: 'waiting',
    stop: 'down',
    deny: 'failed',
    adopt: 'starting probe timer',
    'adopt ready': 'ready timer',
  },
  exited: {
    start: 'waiting',
    restart: 'waiting',
    stop: 'down',
    adopt: 'starting probe timer',
    'adopt ready': 'ready timer',
  },
  failed: {
    start: 'waiting',
    restart: 'waiting',
    stop: 'down',
    adopt: 'starting probe timer',
    'adopt ready': 'ready timer',
  },
};

for (const phase of Object.keys(states) as PhaseName[]) {
  test(`a service that is ${phase} takes every event as its row of the table says`, () => {
    for (const [name, event] of Object.entries(events)) {
      const step = stepService(states[phase], event, terms, context);
      const row = [step.state.phase, ...step.effects.map(({ kind }) => kind)].join(' ');
      const expected = table[phase][name];
      if (expected === undefined) assert.deepEqual(step, { state: states[phase], effects: [] }, `${phase}: ${name}`);
      else assert.equal(row, expected, `${phase}: ${name}`);
    }
  });
}

/** Runs events through the machine; gives every state. */
function run(start: ServiceState, ...names: readonly (string | ServiceEvent)[]): ServiceState {
  let state = start;
  for (const name of names) {
    const event = typeof name === 'string' ? events[name] : name;
    assert.ok(event !== undefined, String(name));
    state = stepService(state, event, terms, context).state;
  }
  return state;
}

test('what is asked while PID 1 is being asked happens once it has answered', () => {
  assert.equal(run(states.launching, 'stop', 'launched').phase, 'stopping');
  assert.equal(run(states.launching, 'stop', 'launched', 'ended 1').phase, 'down');
  assert.equal(run(states.launching, 'stop', 'refused').phase, 'down');
  assert.equal(run(states.launching, 'stop', 'start', 'launched').phase, 'starting');
  assert.equal(run(states.launching, 'stop', 'start', 'refused').phase, 'waiting');
  assert.equal(run(states.launching, 'deny', 'launched', 'ended 0').phase, 'failed');
});

test('what is asked of a service that is being stopped happens once it has ended', () => {
  assert.equal(run(states.ready, 'restart', 'ended 1').phase, 'waiting');
  assert.equal(run(states.ready, 'stop', 'start', 'ended 1').phase, 'waiting');
  assert.equal(run(states.ready, 'restart', 'stop', 'ended 1').phase, 'down');
  assert.equal(run(states.ready, 'deny', 'ended 0').phase, 'failed');
  // What a person stopped has not failed.
  assert.equal(run(states.ready, 'stop', 'deny', 'ended 0').phase, 'down');
});

test('a service that is not ready in time is stopped and has failed, whatever its code', () => {
  assert.equal(run(states.starting, 'timer', 'ended 0').phase, 'backoff');
  const once = { ...terms, restart: 'no' } as const;
  const late = stepService(states.starting, { kind: 'timer' }, once, context).state;
  const state = stepService(late, { kind: 'ended', end: { kind: 'exit', code: 0 } }, once, context).state;
  assert.deepEqual(state.phase === 'failed' && state.fault, { code: 'service-not-ready', exit: 0 });
});

test('after the grace comes SIGKILL, and again each second', () => {
  const step = stepService(states.stopping, { kind: 'timer' }, terms, context);
  assert.deepEqual(step.effects, [
    { kind: 'signal', process, last: true },
    { kind: 'timer', delayMs: 1_000 },
  ]);
});

test('the policy decides what an end is followed by', () => {
  const phaseAfter = (restart: MachineTerms['restart'], code: number): string =>
    stepService(states.ready, { kind: 'ended', end: { kind: 'exit', code } }, { ...terms, restart }, context).state
      .phase;
  const policies = ['no', 'always', 'on-failure', 'on-success'] as const;
  assert.deepEqual(
    policies.map((policy) => [policy, phaseAfter(policy, 0), phaseAfter(policy, 1)]),
    [
      ['no', 'exited', 'failed'],
      ['always', 'backoff', 'backoff'],
      ['on-failure', 'exited', 'backoff'],
      ['on-success', 'backoff', 'failed'],
    ],
  );
});

test('R-I2: the delay doubles to 30 s within the jitter, and a healthy minute sets it back', () => {
  const loop = { ...terms, startLimit: { count: 1_000, windowMs: 1_000 } };
  for (const random of [0, 0.5, 1]) {
    let state: ServiceState = states.ready;
    const delays: number[] = [];
    for (let turn = 0; turn < 12; turn += 1) {
      const step = stepService({ ...states.ready, memory: state.memory } as ServiceState, events['ended 1']!, loop, {
        nowMs: 0,
        random,
      });
      const [timer] = step.effects;
      delays.push(timer?.kind === 'timer' ? timer.delayMs : -1);
      state = step.state;
    }
    const nominal = [100, 200, 400, 800, 1_600, 3_200, 6_400, 12_800, 25_600, 30_000, 30_000, 30_000];
    for (const [at, delay] of delays.entries()) {
      assert.ok(Math.abs(delay - nominal[at]!) <= nominal[at]! * 0.1 + 1, `${at}: ${delay}`);
    }
    const healthy = stepService(
      { ...states.ready, memory: state.memory } as ServiceState,
      { kind: 'timer' },
      loop,
      context,
    );
    assert.equal(healthy.state.memory.delayMs, 100);
  }
  assert.equal(HEALTHY_AFTER_MS, 60_000);
});

test('a RestartSec above the bound stays the least delay', () => {
  const slow = { ...terms, restartDelayMs: 90_000 };
  const start = { ...states.ready, memory: freshMemory(slow) } as ServiceState;
  const first = stepService(start, events['ended 1']!, slow, context);
  assert.deepEqual(first.effects, [{ kind: 'timer', delayMs: 90_000 }]);
  assert.equal(first.state.memory.delayMs, 90_000);
});

test('a service that was started StartLimit times within the window has failed, and a person may start it again', () => {
  let state: ServiceState = states.waiting;
  let nowMs = 0;
  let launches = 0;
  while (state.phase !== 'failed') {
    state = stepService(state, { kind: 'open' }, terms, { nowMs, random: 0.5 }).state;
    launches += 1;
    state = stepService(state, events['launched']!, terms, { nowMs, random: 0.5 }).state;
    state = stepService(state, events['ended 1']!, terms, { nowMs, random: 0.5 }).state;
    if (state.phase === 'backoff') state = stepService(state, { kind: 'timer' }, terms, context).state;
    nowMs += 1_000;
  }
  assert.equal(launches, 5);
  assert.deepEqual(state.fault, { code: 'start-limit', exit: 1 });
  const again = run(state, 'start', 'open', 'launched', 'ended 1');
  assert.equal(again.phase, 'backoff');
  assert.equal(again.memory.launches, 6);
});

test('R-I7: a start that fails for want of room is tried again without end, whatever the policy', () => {
  const once = { ...terms, restart: 'no', startLimit: { count: 1, windowMs: 600_000 } } as const;
  let state: ServiceState = states.waiting;
  for (let turn = 0; turn < 100; turn += 1) {
    for (const event of ['open', 'refused for now', 'timer'] as const) {
      state = stepService(state, events[event]!, once, context).state;
    }
  }
  assert.equal(state.phase, 'waiting');
});

test('no sequence of events launches a second process or forgets one that runs', () => {
  const anyEvent = fc.constantFrom(...Object.keys(events).filter((name) => !name.startsWith('adopt')));
  fc.assert(
    fc.property(fc.array(anyEvent, { maxLength: 60 }), (names) => {
      let state: ServiceState = states.down;
      let asked = false;
      let alive = false;
      for (const name of names) {
        // Only what the world can say now.
        if (name.startsWith('ended') && !alive) continue;
        if ((name === 'launched' || name.startsWith('refused')) && !asked) continue;
        const step = stepService(state, events[name]!, terms, context);
        if (name === 'launched') alive = true;
        if (name === 'launched' || name.startsWith('refused')) asked = false;
        if (name.startsWith('ended')) alive = false;
        for (const effect of step.effects) {
          if (effect.kind === 'launch') {
            assert.ok(!alive && !asked, names.join(' '));
            asked = true;
          }
          if (effect.kind === 'signal') assert.ok(alive, names.join(' '));
        }
        state = step.state;
        assert.equal(isActive(state), alive || asked, `${names.join(' ')}: ${state.phase}`);
        assert.equal('process' in state, alive);
      }
    }),
    { seed: 6, numRuns: globalThis.process.env['CAISSON_LANE'] === 'deep' ? 100_000 : 3_000 },
  );
});

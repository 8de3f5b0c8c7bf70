// All services together, on a fake PID 1 and a clock that the test moves: what the supervisor promises for any graph, any fault and
// any moment of its own death.
import assert from 'node:assert/strict';
import { execFileSync } from 'node:child_process';
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, test } from 'node:test';
import { createLog, silentLog } from '@caisson/core/log';
import type { MeasuredInit, MeasuredService } from '@caisson/core/measured';
import type { Phase, ReadyReason } from '@caisson/link/ready';
import type { Transport } from '@caisson/link/transport';
import type { ProcessEnd, ProcessHost } from '@caisson/sys';
import { measuredService as service } from '@caisson/testkit/boot';
import { laneFigure } from '@caisson/testkit/contract';
import { createFakeClock, createFakeProcessHost, type FakeProcessHost, type FakeProgram } from '@caisson/testkit/fake';
import fc from 'fast-check';
import type { Clock } from './clock.ts';
import { Supervisor } from './supervisor.ts';

const exited = (code: number): ProcessEnd => ({ kind: 'exit', code });
const stopSignal = 15;

const init: MeasuredInit = {
  v: 1,
  logDir: '/dev/null/caisson',
  maxLogBytes: 1 << 20,
  maxLogFiles: 5,
  environment: { FROM: 'init' },
  controlSocket: null,
};

interface Scene {
  readonly host: FakeProcessHost;
  readonly supervisor: Supervisor;
  readonly clock: ReturnType<typeof createFakeClock>;
  readonly reports: (readonly [Phase, readonly ReadyReason[]])[];
  readonly lastWords: string[];
  phaseOf(name: string): string | undefined;
  /** SIGKILL to the supervisor: none of its timers fires any more. */
  die(): void;
  /** A line of its notify socket. */
  notify(name: string, text: string): void;
}

interface SceneOptions {
  readonly program?: (name: string) => FakeProgram | undefined;
  readonly host?: FakeProcessHost;
  readonly folder?: string;
  readonly clock?: ReturnType<typeof createFakeClock>;
  readonly wrap?: (host: ProcessHost) => ProcessHost;
}

function open(services: readonly MeasuredService[], options: SceneOptions = {}): Scene {
  const { folder = freshFolder(), clock = createFakeClock() } = options;
  const host =
    options.host ?? createFakeProcessHost({ program: ({ name }) => options.program?.(name) ?? { kind: 'runs' } });
  const reports: [Phase, readonly ReadyReason[]][] = [];
  const lastWords: string[] = [];
  const listeners = new Map<string, (bytes: Uint8Array) => void>();
  let isAlive = true;
  const mortal: Clock = {
    ...clock,
    setTimer: (delayMs, fire) => clock.setTimer(isAlive ? delayMs : 1e9, () => (isAlive ? fire() : undefined)),
  };
  const supervisor = new Supervisor({
    services,
    init,
    clock: mortal,
    log: silentLog,
    runFolder: folder,
    random: () => 0.5,
    host: options.wrap?.(host) ?? host,
    kernel: {
      listenDatagram({ path }, onDatagram) {
        listeners.set(path.slice(path.lastIndexOf('/') + 1), onDatagram);
        return { close() {} };
      },
    },
    transport: {} as Transport,
    reporter: {
      report: (phase, reasons) => void reports.push([phase, reasons]),
      lastWords: (name) => void lastWords.push(name),
    },
    terms: {
      configEnvironment: {},
      ownEnvironment: {},
      configPath: null,
      hasCgroups: false,
      ownProgram: ({ name }) => ['/caisson', name],
    },
  });
  return {
    host,
    supervisor,
    clock,
    reports,
    lastWords,
    die() {
      isAlive = false;
    },
    phaseOf: (name) => supervisor.set.entries.get(name)?.state.phase,
    notify: (name, text) => listeners.get(name)?.(Buffer.from(text)),
  };
}

async function up(services: readonly MeasuredService[], options: SceneOptions = {}): Promise<Scene> {
  const scene = open(services, options);
  await scene.supervisor.start();
  await scene.clock.settle();
  return scene;
}

const root = mkdtempSync(join(tmpdir(), 'caisson-init-'));
after(() => rmSync(root, { recursive: true, force: true }));

let folders = 0;
function freshFolder(): string {
  folders += 1;
  const folder = join(root, `${folders}`);
  mkdirSync(join(folder, 'log'), { recursive: true });
  return folder;
}

const starts = (host: FakeProcessHost): string[] => host.started.map(({ name }) => name);

test('services start in their order, and what requires one waits until that is ready', async () => {
  const notify = { ready: { kind: 'notify' } } as const;
  const {
    host,
    reports,
    notify: say,
  } = await up([
    service('web', { requires: ['db'] }),
    service('db', { ...notify, after: ['cache'] }),
    service('cache', notify),
  ]);
  assert.deepEqual(starts(host), ['cache']);
  say('cache', 'STATUS=warm\nREADY=1');
  await new Promise(setImmediate);
  assert.deepEqual(starts(host), ['cache', 'db']);
  assert.deepEqual(reports.at(-1), [
    'services',
    [
      { code: 'service-starting', service: 'web' },
      { code: 'service-starting', service: 'db' },
    ],
  ]);
  say('db', 'READY=1');
  await new Promise(setImmediate);
  assert.deepEqual(starts(host), ['cache', 'db', 'web']);
  assert.deepEqual(reports.at(-1), ['ready', []]);
});

test('R-I8: ten services in a row are ready without a moment of the clock', async () => {
  const row = Array.from({ length: 10 }, (_, at) => service(`s${at}`, { requires: at === 0 ? [] : [`s${at - 1}`] }));
  const clock = createFakeClock();
  const startMs = clock.now();
  const { host, reports } = await up(row, { clock });
  assert.deepEqual(
    starts(host),
    row.map(({ name }) => name),
  );
  assert.deepEqual(reports.at(-1), ['ready', []]);
  assert.equal(clock.now(), startMs);
});

test('R-I4: a cycle or an unknown requirement is named, and nothing is started', () => {
  const loop = [service('a', { after: ['b'] }), service('b', { requires: ['a'] })];
  const message = 'services wait for each other: a -> b -> a';
  assert.throws(() => open(loop), { code: 'INIT_GRAPH', message });
  assert.throws(() => open([service('a', { requires: ['gone'] })]), {
    code: 'INIT_GRAPH',
    message: 'service a requires gone, which does not exist',
  });
});

test('R-I4: for random graphs, everything starts or a fault is named and nothing does', async () => {
  const some = fc.uniqueArray(fc.nat({ max: 20 }), { maxLength: 1 });
  const links = fc.record({ before: some, after: some, requires: some, requiredBy: some });
  // Names up to two beyond those that are there.
  const graphs = fc.array(links, { minLength: 1, maxLength: 12 }).map((all) => {
    const named = (numbers: readonly number[]): string[] => numbers.map((number) => `s${number % (all.length + 2)}`);
    return all.map(({ before, after: behind, requires, requiredBy }) => ({
      before: named(before),
      after: named(behind),
      requires: named(requires),
      requiredBy: named(requiredBy),
    }));
  });
  let [sound, broken] = [0, 0];
  const check = async (all: readonly Partial<MeasuredService>[]): Promise<void> => {
    const services = all.map((one, at) => service(`s${at}`, one));
    const host = createFakeProcessHost();
    try {
      const { phaseOf } = await up(services, { host });
      for (const { name } of services) assert.equal(phaseOf(name), 'ready');
      sound += 1;
    } catch (error) {
      if ((error as { code?: string }).code !== 'INIT_GRAPH') throw error;
      assert.match((error as Error).message, / wait for each other: | does not exist/);
      assert.deepEqual(host.calls, []);
      broken += 1;
    }
  };
  await fc.assert(fc.asyncProperty(graphs, check), { seed: 4, numRuns: laneFigure('R-I4') });
  assert.ok(sound > 0 && broken > 0);
});

test('a requirement that fails takes what requires it along, with the reason; what does not is untouched', async () => {
  const services = [
    service('api', { requires: ['db'] }),
    service('page', { requires: ['api'] }),
    service('db', { restart: 'no', ready: { kind: 'notify' } }),
    service('other'),
  ];
  const { host, clock, phaseOf, reports, supervisor, lastWords } = await up(services);
  host.finish('db', exited(3));
  await clock.settle();
  assert.deepEqual(starts(host), ['db', 'other']);
  assert.equal(phaseOf('page'), 'failed');
  assert.deepEqual(reports.at(-1), [
    'degraded',
    [
      { code: 'service-requirement', service: 'api' },
      { code: 'service-requirement', service: 'page' },
      { code: 'service-exited', service: 'db', exit: 3 },
    ],
  ]);
  assert.deepEqual(lastWords, ['db', 'api', 'page']);
  // By hand again, and what failed for want of it follows.
  supervisor.set.start(['db']);
  await clock.settle();
  supervisor.set.dispatch('db', { kind: 'ready' });
  await clock.settle();
  assert.equal(phaseOf('page'), 'ready');
  assert.deepEqual(reports.at(-1), ['ready', []]);
});

test('a requirement that fails for good while others run stops them in reverse order; a crash that is restarted touches nobody', async () => {
  const services = [
    service('api', { requires: ['db'] }),
    service('page', { requires: ['api'] }),
    service('db', { startLimit: { count: 2, windowMs: 3_600_000 } }),
  ];
  const { host, clock, phaseOf } = await up(services);
  const before = host.find('page')?.pid;
  host.finish('db', exited(1));
  await clock.advance(1_000);
  assert.equal(phaseOf('db'), 'ready');
  assert.equal(host.find('page')?.pid, before);
  host.finish('db', exited(1));
  await clock.settle();
  assert.equal(phaseOf('db'), 'failed');
  assert.deepEqual([phaseOf('api'), phaseOf('page')], ['failed', 'failed']);
  const stops = host.signals.filter(({ signal }) => signal === stopSignal).map(({ name }) => name);
  assert.deepEqual(stops, ['page', 'api']);
});

test('what only comes after a service does not wait for one that falls again and again', async () => {
  const program = (name: string): FakeProgram | undefined =>
    name === 'sick' ? { kind: 'ends', end: exited(1) } : undefined;
  const services = [service('late', { after: ['sick'] }), service('sick', { ready: { kind: 'notify' } })];
  const { phaseOf, clock } = await up(services, { program });
  await clock.advance(10);
  assert.equal(phaseOf('late'), 'ready');
});

test('R-I2: a crash loop costs few starts, and what is healthy keeps its process', async () => {
  const seconds = laneFigure('R-I2');
  const program = (name: string): FakeProgram | undefined =>
    name.startsWith('loop') ? { kind: 'ends', end: exited(1) } : undefined;
  const loops = Array.from({ length: 20 }, (_, at) => service(`loop${at}`));
  const { host, clock, reports } = await up([...loops, service('well')], { program });
  const well = host.find('well');
  await clock.advance(seconds * 1_000);
  for (const { name } of loops) assert.ok(starts(host).filter((one) => one === name).length <= 14);
  assert.deepEqual(host.find('well'), well);
  assert.equal(reports.at(-1)?.[0], 'degraded');
});

const earlier = (numbers: readonly number[], at: number): string[] =>
  at === 0 ? [] : [...new Set(numbers.map((number) => `s${number % at}`))];

/** Random services whose graph has no cycle: each waits for earlier ones only. */
const anyDag = fc
  .array(
    fc.record({
      after: fc.uniqueArray(fc.nat({ max: 99 }), { maxLength: 3 }),
      requires: fc.uniqueArray(fc.nat({ max: 99 }), { maxLength: 2 }),
      ignoresTerm: fc.boolean(),
      graceMs: fc.integer({ min: 0, max: 10_000 }),
    }),
    { minLength: 2, maxLength: 30, size: 'max' },
  )
  .map((all) => all.map((one, at) => ({ ...one, after: earlier(one.after, at), requires: earlier(one.requires, at) })));

test('R-I3: everything stops after all that waits for it, within 30 s, and who ignores SIGTERM is killed at its grace', async () => {
  await fc.assert(
    fc.asyncProperty(anyDag, async (shape) => {
      const services = shape.map(({ after, requires, graceMs }, at) =>
        service(`s${at}`, { after, requires, stopTimeoutMs: graceMs }),
      );
      const ignores = new Set(shape.flatMap(({ ignoresTerm }, at) => (ignoresTerm ? [`s${at}`] : [])));
      const program = (name: string): FakeProgram | undefined =>
        ignores.has(name) ? { kind: 'runs', onSignal: () => undefined } : undefined;
      const times = new Map<string, { asked?: number; ended?: number }>();
      const clock = createFakeClock();
      const watch = (host: ProcessHost): ProcessHost => ({
        ...host,
        onEvent: (listener) =>
          host.onEvent((event) => {
            if (event.kind === 'ended')
              times.set(event.entry.name, { ...times.get(event.entry.name), ended: clock.now() });
            listener(event);
          }),
        async signal(name, identity, signal, scope) {
          if (signal === stopSignal) times.set(name, { asked: clock.now() });
          // In reverse order: nothing that waits for it runs any more.
          for (const one of services) {
            const waits = [...one.after, ...one.requires].includes(name);
            if (waits && scene.host.find(one.name) !== undefined)
              assert.fail(`${name} was signalled before ${one.name} had ended`);
          }
          await host.signal(name, identity, signal, scope);
        },
      });
      const scene = await up(services, { clock, program, wrap: watch });
      const startMs = clock.now();
      const stopped = scene.supervisor.stopAll();
      for (let step = 0; step < 400 && scene.host.running().length > 0; step += 1) await clock.advance(100);
      assert.deepEqual(await stopped, []);
      assert.ok(clock.now() - startMs <= 30_000, `${clock.now() - startMs} ms`);
      for (const [at, { graceMs }] of shape.entries()) {
        const { asked = 0, ended = 0 } = times.get(`s${at}`) ?? {};
        const isHurried = ended - startMs >= 27_000;
        if (ignores.has(`s${at}`) && !isHurried)
          assert.ok(Math.abs(ended - asked - graceMs) <= 200, `${ended - asked}, grace ${graceMs}`);
      }
      assert.ok(scene.host.signals.every(({ scope }) => scope === 'cgroup'));
    }),
    { seed: 3, numRuns: laneFigure('R-I3') },
  );
});

test('R-I5: whatever is asked in whatever order, and however often the supervisor dies, a service has one process at most', async () => {
  const names = ['db', 'api', 'page', 'lone'];
  const base = [
    service('db', { ready: { kind: 'notify' } }),
    service('api', { requires: ['db'], restart: 'always' }),
    service('page', { after: ['api'], restart: 'always' }),
    service('lone', { restart: 'no' }),
  ];
  const name = fc.constantFrom(...names);
  const action = fc.oneof(
    fc.record({ do: fc.constantFrom('start', 'stop', 'restart', 'crash', 'ready'), name }),
    fc.record({ do: fc.constant('reload'), name }),
    fc.record({ do: fc.constant('wait'), ms: fc.integer({ min: 0, max: 2_000 }) }),
    fc.record({ do: fc.constant('die') }),
  );
  const total = laneFigure('R-I5');
  let done = 0;
  for (let seed = 1; done < total; seed += 1) {
    const actions = fc.sample(fc.array(action, { minLength: 30, maxLength: 60 }), { seed, numRuns: 1 })[0] ?? [];
    done += actions.length;
    const folder = freshFolder();
    let version = 0;
    let services: readonly MeasuredService[] = base;
    const clock = createFakeClock();
    let scene = await up(services, { clock, folder });
    // The fake refuses a second process under a name, as PID 1 does, so the supervisor must not even ask.
    let refusals = 0;
    const countRefusals = (host: ProcessHost): ProcessHost => ({
      ...host,
      async start(request) {
        // A dead one may go on for a moment: nobody hears it.
        if (scene.host === host && scene.host.find(request.name) !== undefined) refusals += 1;
        return await host.start(request);
      },
    });
    for (const one of actions as readonly { do: string; name?: string; ms?: number }[]) {
      const { set } = scene.supervisor;
      const target = one.name ?? '';
      if (one.do === 'start') set.start([target]);
      else if (one.do === 'stop') set.stop([target]);
      else if (one.do === 'restart') set.restart(target);
      else if (one.do === 'ready') set.dispatch(target, { kind: 'ready' });
      else if (one.do === 'crash') {
        if (scene.host.find(target) !== undefined) scene.host.finish(target, exited(1));
      } else if (one.do === 'reload') {
        version += 1;
        services = services.map((old) =>
          old.name === target ? { ...old, environment: { VERSION: `${version}` } } : old,
        );
        scene.supervisor.reload(services);
      } else if (one.do === 'wait') await clock.advance(one.ms ?? 0);
      else {
        // Dead between two lines: nothing of the old one is awaited.
        scene.die();
        const host = scene.host.takeOver();
        scene = open(services, { clock, folder, host, wrap: countRefusals });
        await scene.supervisor.start();
      }
      const running = scene.host.running();
      assert.equal(new Set(running).size, running.length, running.join());
    }
    // Left alone, all that is asked for comes up in the end.
    for (let turn = 0; turn < 5; turn += 1) {
      await clock.advance(31_000);
      if (scene.phaseOf('db') === 'starting') scene.supervisor.set.dispatch('db', { kind: 'ready' });
    }
    for (const { service: one, state, wanted } of scene.supervisor.set.entries.values()) {
      const settled = wanted ? ['ready', 'exited', 'failed', 'backoff', 'starting'] : ['down'];
      assert.ok(settled.includes(state.phase), `seed ${seed}: ${one.name} is ${state.phase}, wanted ${wanted}`);
    }
    assert.equal(refusals, 0);
  }
});

test('R-I6: a reload leaves what did not change alone, and brings the rest to its new form', async () => {
  const services = [service('same', { after: ['old'] }), service('other'), service('old')];
  const { host, clock, supervisor, phaseOf } = await up(services);
  const same = host.find('same');
  for (let turn = 1; turn <= laneFigure('R-I6'); turn += 1) {
    const other = service('other', { environment: { TURN: `${turn}` } });
    const view = supervisor.reload([
      service('same', { after: turn % 2 ? [] : ['old'] }),
      other,
      ...(turn % 2 ? [] : [service('old')]),
    ]);
    await clock.settle();
    assert.ok(view.changed.includes('other'));
    assert.equal(host.started.findLast(({ name }) => name === 'other')?.env['TURN'], `${turn}`);
    assert.equal(phaseOf('old'), turn % 2 ? undefined : 'ready');
    assert.equal(host.running().filter((name) => name === 'other').length, 1);
  }
  const unchanged = supervisor.reload([...supervisor.set.entries.values()].map((entry) => entry.service));
  assert.deepEqual(unchanged, { added: [], removed: [], changed: [], unchanged: supervisor.set.entries.size });
  // It changed its words about order at each turn, which is a change; with none, nothing is touched.
  const pids = host.running().map((name) => host.find(name)?.pid);
  await clock.settle();
  assert.deepEqual(
    host.running().map((name) => host.find(name)?.pid),
    pids,
  );
  assert.notEqual(same, undefined);
});

test('R-I6: what did not change keeps its process and its time through any number of reloads', async () => {
  const { host, clock, supervisor } = await up([service('same'), service('other')]);
  const { pid } = host.find('same') ?? {};
  const since = (): number | undefined => {
    const state = supervisor.set.entries.get('same')?.state;
    return state !== undefined && 'sinceMs' in state ? state.sinceMs : undefined;
  };
  const sinceMs = since();
  for (let turn = 1; turn <= laneFigure('R-I6'); turn += 1) {
    supervisor.reload([service('same'), service('other', { umask: turn % 0o777 })]);
    await clock.advance(50);
  }
  assert.equal(host.find('same')?.pid, pid);
  assert.equal(since(), sinceMs);
  assert.equal(host.signals.filter(({ name }) => name === 'same').length, 0);
});

test('a reload with a fault is refused and changes nothing', async () => {
  const { host, supervisor } = await up([service('a')]);
  const calls = host.calls.length;
  assert.throws(() => supervisor.reload([service('a', { after: ['b'] }), service('b', { after: ['a'] })]), {
    code: 'INIT_GRAPH',
  });
  assert.equal(host.calls.length, calls);
  assert.equal(supervisor.set.entries.size, 1);
});

test('R-I7: a kernel without room is asked again until it has some', async () => {
  let left = laneFigure('R-I7-room');
  const program = (): FakeProgram | undefined => {
    left -= 1;
    return left > 0 ? { kind: 'fails', code: 'EAGAIN', step: 'fork' } : undefined;
  };
  const { clock, phaseOf } = await up([service('web', { restart: 'no' })], { program });
  await clock.advance(laneFigure('R-I7-room') * 33_000);
  assert.equal(phaseOf('web'), 'ready');
});

test('a program that cannot run has failed with its reason in its log', async () => {
  const program = (): FakeProgram => ({ kind: 'fails', code: 'ENOENT', path: '/bin/web' });
  const { phaseOf, supervisor, reports } = await up([service('web', { restart: 'no' })], { program });
  assert.equal(phaseOf('web'), 'failed');
  assert.deepEqual(reports.at(-1), ['degraded', [{ code: 'service-failed', service: 'web' }]]);
  const lines = supervisor.voices
    .of('web')
    .lastInMemory(9)
    .map(({ text }) => text);
  assert.deepEqual(lines, ['start: exec ENOENT /bin/web', 'failed, service-failed']);
});

test('an account that the image lacks is a failed service, never root', async () => {
  const { host, phaseOf } = await up([service('web', { user: 'no-such-user-here', restart: 'no' })]);
  assert.equal(phaseOf('web'), 'failed');
  assert.deepEqual(starts(host), []);
});

test('a supervisor that comes after another finds what runs, what was ready, what was stopped and what was given up', async () => {
  const folder = freshFolder();
  const notify = { ready: { kind: 'notify' } } as const;
  const services = [
    service('told', notify),
    service('young', notify),
    service('halted'),
    service('spent', { restart: 'no' }),
    service('done', { restart: 'no' }),
    service('died', { restart: 'always' }),
  ];
  const first = await up(services, { folder });
  first.notify('told', 'READY=1');
  first.supervisor.set.stop(['halted']);
  first.host.finish('spent', exited(7));
  first.host.finish('done', exited(0));
  await first.clock.settle();
  const pids = first.host.running().map((name) => first.host.find(name)?.pid);
  const host = first.host.takeOver();
  host.finish('died', exited(9));
  const second = await up(services, { folder, host, clock: first.clock });
  assert.deepEqual(
    services.map(({ name }) => [name, second.phaseOf(name)]),
    [
      ['told', 'ready'],
      ['young', 'starting'],
      ['halted', 'down'],
      ['spent', 'failed'],
      ['done', 'exited'],
      ['died', 'backoff'],
    ],
  );
  await second.clock.advance(200);
  assert.equal(second.phaseOf('died'), 'ready');
  assert.deepEqual(
    ['told', 'young'].map((name) => host.find(name)?.pid),
    pids.slice(0, 2),
  );
  second.notify('young', 'READY=1');
  assert.equal(second.phaseOf('young'), 'ready');
});

test('a state file that is not ours is as none', async () => {
  const folder = freshFolder();
  for (const text of ['', '{', '[]', '{"v":2,"services":{}}', '{"v":1,"services":null}']) {
    writeFileSync(join(folder, 'services.json'), text);
    const { phaseOf } = await up([service('web')], { folder });
    assert.equal(phaseOf('web'), 'ready');
  }
});

test('an end that PID 1 could not tell is found in its table', async () => {
  const deaf = (host: ProcessHost): ProcessHost => ({ ...host, onEvent() {} });
  const { host, clock, phaseOf } = await up([service('web', { restart: 'no' })], { wrap: deaf });
  host.finish('web', exited(4));
  await clock.advance(9_000);
  assert.equal(phaseOf('web'), 'ready');
  await clock.advance(2_000);
  assert.equal(phaseOf('web'), 'failed');
});

test('an answer that was lost is looked up before anything is started again', async () => {
  let isFirst = true;
  const lossy = (host: ProcessHost): ProcessHost => ({
    ...host,
    async start(request) {
      const identity = await host.start(request);
      if (!isFirst) return identity;
      isFirst = false;
      throw Object.assign(new Error('start ETIMEDOUT web'), { code: 'ETIMEDOUT' });
    },
  });
  const { host, phaseOf } = await up([service('web')], { wrap: lossy });
  assert.equal(phaseOf('web'), 'ready');
  assert.deepEqual(starts(host), ['web']);
});

test('what a process leaves behind is killed before its next one starts', async () => {
  const { host, clock } = await up([service('web'), service('own', { killMode: 'process' })]);
  const calls = host.calls.length;
  host.finish('web', exited(1));
  host.finish('own', exited(1));
  await clock.advance(200);
  const after = host.calls.slice(calls).filter((call) => !call.startsWith('table'));
  assert.deepEqual(after.sort(), [
    'forget own 101',
    'forget web 100',
    'signal web 100 9 cgroup',
    'start own',
    'start web',
  ]);
  assert.ok(host.calls.indexOf('signal web 100 9 cgroup') < host.calls.lastIndexOf('start web'));
});

test('an enclave whose services have all ended is over, with the code of the one that failed', async () => {
  const outcome = async (...ends: readonly [string, ProcessEnd][]) => {
    const services = [...ends.map(([name]) => service(name, { restart: 'no' })), service('network', { builtIn: true })];
    const { host, clock, supervisor } = await up(services);
    for (const [name, end] of ends) host.finish(name, end);
    await clock.settle();
    return await supervisor.over;
  };
  assert.deepEqual(await outcome(['app', exited(0)]), { exit: 0, code: 'stopped' });
  assert.deepEqual(await outcome(['aide', exited(2)], ['app', exited(3)]), { exit: 3, code: 'service-exited' });
  assert.deepEqual(await outcome(['app', { kind: 'signal', signal: 11, dumped: false }]), {
    exit: 139,
    code: 'service-exited',
  });
});

test('while the enclave ends nothing starts again, whatever its policy', async () => {
  const { host, clock, supervisor, reports } = await up([
    service('web', { restart: 'always' }),
    service('api', { restart: 'always' }),
  ]);
  host.finish('web', exited(1));
  const stopped = supervisor.stopAll();
  await clock.advance(100);
  assert.deepEqual(await stopped, []);
  supervisor.set.start(['web']);
  supervisor.set.restart('api');
  await clock.advance(60_000);
  assert.deepEqual(host.running(), []);
  assert.equal(starts(host).length, 2);
  assert.equal(reports.at(-1)?.[0], 'stopping');
});

test('the words of a service that never became ready leave with the enclave’s end, and of one that was ready none do', async () => {
  const services = [service('slow', { ready: { kind: 'notify' } }), service('web')];
  const { supervisor, clock, phaseOf, lastWords } = await up(services);
  assert.deepEqual([phaseOf('slow'), phaseOf('web')], ['starting', 'ready']);
  void supervisor.stopAll();
  await clock.settle();
  assert.deepEqual(lastWords, ['slow']);
});

test('says with stopping what has failed, since it may be the last that anybody outside hears', async () => {
  const { host, clock, supervisor, reports } = await up([service('web', { restart: 'no' }), service('db', {})]);
  host.finish('web', exited(3));
  await clock.advance(1);
  const stopped = supervisor.stopAll();
  await clock.advance(100);
  await stopped;
  assert.deepEqual(reports.at(-1), ['stopping', [{ code: 'service-exited', service: 'web', exit: 3 }]]);
});

test('a process gets the environment of init.yaml, its file and the config in this order, and what is ours last', async () => {
  const clock = createFakeClock();
  const host = createFakeProcessHost();
  const supervisor = new Supervisor({
    services: [
      service('web', { environment: { A: 'file', B: 'file', NOTIFY_SOCKET: 'spoofed' }, ready: { kind: 'notify' } }),
    ],
    init: { ...init, environment: { A: 'init', C: 'init' } },
    host,
    clock,
    log: silentLog,
    runFolder: '/run/x',
    kernel: { listenDatagram: () => ({ close() {} }) },
    transport: {} as Transport,
    reporter: { report() {}, lastWords() {} },
    terms: {
      configEnvironment: { B: 'config' },
      ownEnvironment: { CAISSON_NSM: 'unix:/run/nsm.sock' },
      configPath: null,
      hasCgroups: true,
      ownProgram: () => [],
      root: '/dev/null',
    },
  });
  await supervisor.start();
  await clock.settle();
  const [request] = host.started;
  assert.deepEqual(request?.env, {
    PATH: '/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin',
    HOME: '/root',
    USER: 'root',
    LOGNAME: 'root',
    A: 'file',
    C: 'init',
    B: 'config',
    NOTIFY_SOCKET: '/run/x/notify/web',
    CAISSON_NSM: 'unix:/run/nsm.sock',
  });
  assert.equal(request?.cgroup, 'caisson/web');
});

test('what a service wrote is read from its FIFOs, and stays for who asks', async () => {
  const folder = freshFolder();
  for (const stream of ['out', 'err']) execFileSync('mkfifo', [join(folder, 'log', `web.${stream}`)]);
  const { supervisor, host } = await up([service('web', { standardOutput: 'log' })], { folder });
  assert.deepEqual(host.started[0]?.streams, {
    stdin: null,
    stdout: join(folder, 'log/web.out'),
    stderr: join(folder, 'log/web.err'),
    hold: true,
  });
  const seen = Promise.withResolvers<string>();
  supervisor.voices
    .of('web')
    .follow(({ stream, text }) => seen.resolve(`${stream} ${text}`), new AbortController().signal);
  writeFileSync(join(folder, 'log/web.err'), 'it burns\n');
  assert.equal(await seen.promise, 'err it burns');
  supervisor.voices.close();
});

test('each step of a service is a JSON line with the boot id', async () => {
  const lines: string[] = [];
  const write = (line: string): void => void lines.push(line);
  const log = createLog({ level: 'info', format: 'json', write, now: () => 0 });
  const clock = createFakeClock();
  const supervisor = new Supervisor({
    services: [service('web')],
    init,
    host: createFakeProcessHost(),
    clock,
    runFolder: '/run/x',
    log: log.child({ enclave: 'b00t' }),
    kernel: { listenDatagram: () => ({ close() {} }) },
    transport: {} as Transport,
    reporter: { report() {}, lastWords() {} },
    terms: { configEnvironment: {}, ownEnvironment: {}, configPath: null, hasCgroups: false, ownProgram: () => [] },
  });
  await supervisor.start();
  await clock.settle();
  const records = lines.map((line) => JSON.parse(line)).filter(({ code }) => code === 'INIT_SERVICE');
  assert.deepEqual(
    records.map(({ enclave, service: of, message, fields }) => [enclave, of, message, fields]),
    [['b00t', 'web', 'ready', { from: 'launching', pid: 100 }]],
  );
});

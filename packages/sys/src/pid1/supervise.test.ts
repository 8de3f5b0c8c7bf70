// A supervisor comes and goes, and what it started does not notice; without one PID 1 does one thing only: it ends.
import { deepEqual, equal, match, ok, rejects } from 'node:assert/strict';
import { once } from 'node:events';
import { constants, existsSync, openSync, readFileSync } from 'node:fs';
import { Socket } from 'node:net';
import { createInterface } from 'node:readline';
import { test } from 'node:test';
import type { OpenProcessHost, ProcessHostEvent } from '@caisson/sys';
import { laneBoundMs, laneFigure } from '@caisson/testkit/contract';
import type { Supervised } from '@caisson/testkit/pid1';
import {
  arrangePid1,
  arrangeSupervised,
  childrenOf,
  heldStreams,
  probeRequest,
  pid1Skip as skip,
} from '@caisson/testkit/pid1';

// Chosen.
const timeout = 300_000;
// A thousand deaths a minute are allowed, the back-off ends at 20 ms, an end may take 300 ms and a stop 300 ms.
const hasty = ['--patience', '1000:20:300:300'];

/** Not createReadStream, whose read would sit in a thread for as long as nothing is written. */
function readFifo(path: string): Socket {
  return new Socket({ fd: openSync(path, constants.O_RDONLY | constants.O_NONBLOCK), readable: true, writable: false });
}

function nextEvent(host: OpenProcessHost, kind: ProcessHostEvent['kind']): Promise<ProcessHostEvent> {
  return new Promise((resolve) => host.onEvent((event) => event.kind === kind && resolve(event)));
}

/** Kills the supervisor and resolves with the host of the next. */
async function replace(scene: Supervised, host: OpenProcessHost): Promise<OpenProcessHost> {
  process.kill(scene.supervisorPid()!, 'SIGKILL');
  await host.closed;
  return await scene.nextHost();
}

/** A ready port that keeps what it was told. */
function listener(): { ready: (socket: Socket) => void; heard: Promise<string> } {
  const { promise, resolve } = Promise.withResolvers<string>();
  const ready = (socket: Socket): void => {
    let text = '';
    socket.on('data', (bytes: Buffer) => (text += bytes.toString()));
    socket.on('end', () => resolve(text));
  };
  return { ready, heard: promise };
}

test('R-I5: a supervisor killed again and again leaves every service its pid, and its words no gap', {
  skip,
  timeout,
}, async (context) => {
  const scene = await arrangeSupervised(context, {}, hasty);
  let host = await scene.nextHost();
  const streams = heldStreams('count');
  const identity = await host.start(probeRequest('count', ['count'], { streams }));
  const waiting = await host.start(probeRequest('wait', ['wait'], { streams: heldStreams('wait') }));
  const reader = readFifo(scene.inside(streams.stdout!));
  let expected = 0;
  const lines = createInterface({ input: reader }).on('line', (line) => {
    equal(line, `line ${expected}`);
    expected += 1;
  });
  const kills = laneFigure('R-I5-kills');
  for (let kill = 0; kill < kills; kill += 1) {
    host = await replace(scene, host);
    deepEqual(await host.table(), [
      { name: 'count', ...identity },
      { name: 'wait', ...waiting },
    ]);
    await rejects(host.start(probeRequest('count', ['count'])), { code: 'EEXIST' });
    const before = expected;
    while (expected === before) await once(lines, 'line');
    // PID 1, two services and the supervisor: never a second copy.
    equal(childrenOf(scene.run.pid()).length, 3);
  }
  lines.close();
  reader.destroy();
});

test('what ends while there is no supervisor is in the table of the next, and is no event', {
  skip,
  timeout,
}, async (context) => {
  const scene = await arrangeSupervised(context);
  const host = await scene.nextHost();
  const identity = await host.start(probeRequest('web', ['wait']));
  const supervisor = scene.supervisorPid()!;
  const [service] = childrenOf(scene.run.pid()).filter((pid) => pid !== supervisor);
  process.kill(supervisor, 'SIGKILL');
  await host.closed;
  process.kill(service!, 'SIGTERM');
  // Gone before the next supervisor comes, 100 ms after the last.
  while (childrenOf(scene.run.pid()).includes(service!)) await new Promise((resolve) => setImmediate(resolve));
  const next = await scene.nextHost();
  const events: ProcessHostEvent[] = [];
  next.onEvent((event) => events.push(event));
  const end = { kind: 'signal', signal: 15, dumped: false } as const;
  deepEqual(await next.table(), [{ name: 'web', ...identity, end }]);
  await next.table();
  await new Promise((resolve) => setImmediate(resolve));
  deepEqual(events, []);
});

test('a writer survives having no reader: its FIFO is held open both ways, and only forget removes it', {
  skip,
  timeout,
}, async (context) => {
  const scene = await arrangeSupervised(context, {}, hasty);
  const host = await scene.nextHost();
  const streams = heldStreams('count');
  const path = scene.inside(streams.stdout!);
  const identity = await host.start(probeRequest('count', ['count'], { streams }));
  for (let round = 0; round < 3; round += 1) {
    const reader = readFifo(path);
    await once(reader, 'data');
    reader.destroy();
    await once(reader, 'close');
  }
  deepEqual(await host.table(), [{ name: 'count', ...identity }]);
  const steady = readFifo(path);
  await once(steady, 'data');
  let sawEnd = false;
  steady.on('end', () => (sawEnd = true));
  const ended = nextEvent(host, 'ended');
  await host.signal('count', identity, 9, 'process');
  await ended;
  // No writer is left but PID 1, and that is enough for a reader to go on.
  await new Promise((resolve) => setTimeout(resolve, 20));
  equal(sawEnd, false);
  steady.destroy();
  // The next process of the name writes into the same FIFO, and the last one's entry takes nothing away from it.
  const next = await host.start(probeRequest('count', ['count'], { streams }));
  await host.forget('count', identity);
  const reader = readFifo(path);
  await once(reader, 'data');
  reader.destroy();
  const endedAgain = nextEvent(host, 'ended');
  await host.signal('count', next, 9, 'process');
  await endedAgain;
  await host.forget('count', next);
  equal(existsSync(path), false);
});

test('a supervisor that never stays up ends the boot after its last death, with the reason on the ready port', {
  skip,
  timeout,
}, async (context) => {
  const { ready, heard } = listener();
  const scene = await arrangePid1(context, { supervisor: '/bin/probe\nexit\n3\n', ready });
  const words = ['--simulated', '--fabric', '/fabric', '--cid', '16', '--patience', '4:50:300:300'];
  const lines = await scene.run(words);
  equal(lines.filter((line) => line === 'caisson-init: supervisor ended with code 3').length, 4);
  deepEqual(lines.slice(-2), ['caisson-init: stopping everything: supervisor', 'caisson-init: exit 125']);
  match(await heard, /^CAISSON-FABRIC\/1 16 1073745920\n\{"v":1,"final":true,"exit":125,"code":"supervisor"\}\n$/);
});

test('a supervisor that is not there is the same, and is named', { skip, timeout }, async (context) => {
  const scene = await arrangePid1(context, { supervisor: '/bin/nobody\n' });
  const lines = await scene.run(['--simulated', '--fabric', '/fabric', '--cid', '16', '--patience', '2:50:300:300']);
  ok(lines.includes('caisson-init: supervisor /bin/nobody: No such file or directory'));
  equal(lines.at(-1), 'caisson-init: exit 125');
});

test('the back-off doubles from 100 ms, whatever is asked of it', { skip, timeout }, async (context) => {
  const scene = await arrangePid1(context, { supervisor: '/bin/probe\nexit\n3\n' });
  const started = performance.now();
  await scene.run(['--simulated', '--fabric', '/fabric', '--cid', '16', '--patience', '4:5000:300:300']);
  const tookMs = performance.now() - started;
  ok(tookMs >= 700 && tookMs < laneBoundMs(2_500), `four deaths took ${tookMs} ms, with waits of 100, 200 and 400`);
});

test('a failed boot step tells its code on the ready port, if there is one', { skip, timeout }, async (context) => {
  const { ready, heard } = listener();
  const scene = await arrangePid1(context, { cmd: 'probe', env: 'no name', ready });
  equal((await scene.run()).at(-1), 'caisson-init: exit 125');
  match(await heard, /\n\{"v":1,"final":true,"exit":125,"code":"boot-step"\}\n$/);
});

test('the code of `end` is the end of all, whatever still runs', { skip, timeout }, async (context) => {
  const scene = await arrangeSupervised(context);
  const host = await scene.nextHost();
  await host.start(probeRequest('deaf', ['ignore']));
  await host.end(42);
  equal((await scene.run.ended).split('\n').at(-2), 'caisson-init: exit 42');
});

test('SIGTERM is told to the supervisor; one that does not end in time is ended with everything else', {
  skip,
  timeout,
}, async (context) => {
  for (const [signal, code] of [
    ['SIGTERM', 143],
    ['SIGINT', 130],
  ] as const) {
    const { ready, heard } = listener();
    const scene = await arrangeSupervised(context, { ready }, hasty);
    const host = await scene.nextHost();
    await host.start(probeRequest('deaf', ['ignore'], { streams: heldStreams('deaf') }));
    await once(readFifo(scene.inside('/run/caisson/log/deaf.out')), 'data');
    const told = nextEvent(host, 'terminate');
    const started = performance.now();
    process.kill(scene.run.pid(), signal);
    await told;
    const console = (await scene.run.ended).split('\n');
    const tookMs = performance.now() - started;
    deepEqual(console.slice(-3, -1), ['caisson-init: stopping everything: stopped', `caisson-init: exit ${code}`]);
    // One that SIGKILL has not reached would be waited for two seconds more.
    ok(tookMs >= 600 && tookMs < laneBoundMs(2_400), `300 ms to end and 300 ms to stop, took ${tookMs} ms`);
    match(await heard, new RegExp(`"exit":${code},"code":"stopped"`));
  }
});

test('with nothing left to wait for, PID 1’s own stop takes no longer than that', {
  skip,
  timeout,
}, async (context) => {
  const scene = await arrangeSupervised(context, {}, ['--patience', '10:60000:35000:35000']);
  const host = await scene.nextHost();
  await host.start(probeRequest('web', ['wait']));
  process.kill(scene.supervisorPid()!, 'SIGKILL');
  await host.closed;
  const started = performance.now();
  process.kill(scene.run.pid(), 'SIGTERM');
  match(await scene.run.ended, /stopping everything: stopped\ncaisson-init: exit 143\n$/);
  ok(performance.now() - started < laneBoundMs(3_000));
});

test('SIGTERM ends a boot whose supervisor is awaited, and none is started for it', {
  skip,
  timeout,
}, async (context) => {
  const scene = await arrangePid1(context, { supervisor: '/bin/probe\nexit\n3\n' });
  const run = scene.start(['--simulated', '--fabric', '/fabric', '--cid', '16', '--patience', '100:60000:35000:300']);
  const deaths = (): number => run.console().split('supervisor ended with code 3').length - 1;
  // The next one would come after 800 ms.
  while (deaths() < 4) await Promise.race([once(run.child.stderr!, 'data'), run.ended]);
  process.kill(run.pid(), 'SIGTERM');
  match(await run.ended, /stopping everything: stopped\ncaisson-init: exit 143\n$/);
  equal(deaths(), 4);
});

test('R-I7: a fork bomb under its limit of processes keeps PID 1 from nothing', { skip, timeout }, async (context) => {
  const scene = await arrangeSupervised(context);
  const host = await scene.nextHost();
  const request = probeRequest('bomb', ['bomb', '64'], { uid: 61_234, gid: 61_234, streams: heldStreams('bomb') });
  const identity = await host.start(request);
  const [words] = (await once(readFifo(scene.inside('/run/caisson/log/bomb.out')), 'data')) as [Buffer];
  match(words.toString(), /^forked \d+: Resource temporarily unavailable\n$/);
  for (let round = 0; round < laneFigure('R-I7'); round += 1) {
    const started = performance.now();
    const other = await host.start(probeRequest('other', ['exit', '0']));
    const ended = nextEvent(host, 'ended');
    await ended;
    await host.forget('other', other);
    ok(performance.now() - started < laneBoundMs(2_000));
  }
  // Its user has as many processes as it may.
  const ended = nextEvent(host, 'ended');
  await host.signal('bomb', identity, 9, 'cgroup');
  await ended;
});

test('R-I1: a storm of orphans leaves no zombie under a supervisor either, and keeps no request waiting', {
  skip,
  timeout,
}, async (context) => {
  const scene = await arrangeSupervised(context);
  const host = await scene.nextHost();
  const orphans = laneFigure('R-I1-supervised');
  const storm = probeRequest('storm', ['storm', String(orphans)], { streams: heldStreams('storm') });
  await host.start(storm);
  const words = once(readFifo(scene.inside('/run/caisson/log/storm.out')), 'data') as Promise<[Buffer]>;
  let over = false;
  words.then(() => (over = true));
  let slowestMs = 0;
  while (!over) {
    const asked = performance.now();
    await host.table();
    slowestMs = Math.max(slowestMs, performance.now() - asked);
    await new Promise((resolve) => setTimeout(resolve, 10));
  }
  equal((await words)[0].toString(), `orphans ${orphans} zombies 0\n`);
  context.diagnostic(`slowest answer ${slowestMs.toFixed(1)} ms`);
  ok(slowestMs < laneBoundMs(1_000), `${slowestMs} ms`);
});

test('memory of PID 1 stays below 1 MiB with 256 services', { skip, timeout }, async (context) => {
  const scene = await arrangeSupervised(context);
  const host = await scene.nextHost();
  const names = Array.from({ length: 256 }, (_, index) => `many-${index}`);
  await Promise.all(names.map((name) => host.start(probeRequest(name, ['wait'], { streams: heldStreams(name) }))));
  equal((await host.table()).length, 256);
  const status = readFileSync(`/proc/${scene.run.pid()}/status`, 'utf8');
  const rss = Number(/^VmRSS:\s+(\d+) kB$/m.exec(status)?.[1]);
  context.diagnostic(`VmRSS ${rss} KiB with 256 services`);
  ok(rss < 1024, `${rss} KiB`);
});

// The load generator of the hardware bench against a server that does what it is told.
import { deepEqual, equal, match, ok } from 'node:assert/strict';
import { once } from 'node:events';
import { createServer, type RequestListener, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import { test } from 'node:test';
import { laneBoundMs } from '@caisson/testkit/contract';
import { type Offer, offerLoad } from '../../scripts/hardware/bench/offer.ts';
import { renderJson, renderText, renderTsv, warnAbout } from '../../scripts/hardware/bench/render.ts';
import { describeOffered, quantile } from '../../scripts/hardware/bench/row.ts';
import { nameGround } from '../../scripts/hardware/caisson.ts';

const body = Buffer.alloc(1_000, 'caisson ');
const never = new AbortController().signal;

async function serving<Value>(
  listener: RequestListener,
  use: (port: number, server: Server) => Promise<Value>,
): Promise<Value> {
  const server = createServer({ keepAliveTimeout: 0 }, listener).listen(0, '127.0.0.1');
  await once(server, 'listening');
  try {
    return await use((server.address() as AddressInfo).port, server);
  } finally {
    server.closeAllConnections();
    server.close();
  }
}

function offer(port: number, more: Partial<Offer> = {}): Offer {
  const request = 'GET /1000 HTTP/1.1\r\nHost: x\r\n\r\n';
  return {
    host: '127.0.0.1',
    port,
    request,
    body,
    rate: 500,
    durationMs: 400,
    maxConnections: 64,
    timeoutMs: 60_000,
    stop: never,
    ...more,
  };
}

test('offers what the rate says and holds each answer to its bytes', async () => {
  await serving(
    (_, answer) => answer.end(body),
    async (port) => {
      const row = describeOffered(500, 1_000, await offerLoad(offer(port)));
      deepEqual([row.requests, row.successPercent, row.errors], [200, 100, {}]);
      ok(row.throughput <= 520, String(row.throughput));
      // 300 a second, and not one after another.
      ok((row.requests * 1_000) / row.throughput < laneBoundMs(667), String(row.throughput));
      ok(row.p50Ms! <= row.p95Ms! && row.p95Ms! <= row.p99Ms! && row.p99Ms! <= row.maxMs!);
    },
  );
});

test('charges a server that stalls for everybody who was due meanwhile', async () => {
  let stalled: (() => void)[] | undefined = [];
  // The first answer takes 200 ms, and all that come in that time wait for it: one request in a closed loop, a hundred in an open one.
  setTimeout(() => {
    const waiting = stalled;
    stalled = undefined;
    for (const answer of waiting ?? []) answer();
  }, 250);
  await serving(
    (_, answer) => {
      const send = (): void => void answer.end(body);
      if (stalled === undefined) send();
      else stalled.push(send);
    },
    async (port) => {
      // One connection: the others cannot even be sent.
      const offered = await offerLoad(offer(port, { maxConnections: 1 }));
      const slow = offered.latencyMs.filter((ms) => ms > 50).length;
      ok(slow >= 50, `${slow} of ${offered.requests} waited`);
      equal(describeOffered(500, 1_000, offered).successPercent, 100);
    },
  );
});

test('names what went wrong by its kind and goes on', async () => {
  let count = 0;
  const wrong: RequestListener[] = [
    (_, answer) => answer.writeHead(503).end(),
    (_, answer) => answer.end(body.subarray(1)),
    (_, answer) => answer.end(Buffer.alloc(1_000, 'x')),
    (ask) => ask.socket.destroy(),
    () => {},
    (_, answer) => answer.end(body),
  ];
  await serving(
    (ask, answer) => wrong[count++ % wrong.length]!(ask, answer),
    async (port) => {
      const row = describeOffered(300, 1_000, await offerLoad(offer(port, { rate: 300, timeoutMs: laneBoundMs(300) })));
      equal(row.requests, 120);
      for (const kind of ['status 503', 'another length', 'other bytes', 'closed', 'timeout']) {
        ok((row.errors[kind] ?? 0) >= 15, `${kind}: ${JSON.stringify(row.errors)}`);
      }
      ok(row.successPercent > 10 && row.successPercent < 25);
    },
  );
  const gone = await serving(
    () => {},
    async (port) => port,
  );
  const row = describeOffered(100, 1_000, await offerLoad(offer(gone, { rate: 100, durationMs: 100 })));
  deepEqual([row.errors, row.p50Ms, row.successPercent], [{ ECONNREFUSED: 10 }, null, 0]);
});

test('stops when it is told to, with connections closed', async () => {
  await serving(
    () => {},
    async (port, server) => {
      const controller = new AbortController();
      setTimeout(() => controller.abort(), 50);
      const offered = await offerLoad(offer(port, { durationMs: 60_000, stop: controller.signal }));
      equal(offered.requests, 30_000);
      server.closeIdleConnections();
    },
  );
});

test('prints the rows as a table, as tab-separated values and as JSON', () => {
  deepEqual(
    [0, 0.5, 0.75, 1].map((share) => quantile(Float64Array.of(1, 2, 3, 4), share)),
    [1, 2, 3, 4],
  );
  const latencyMs = Float64Array.of(1, 2, 3, 900);
  const row = describeOffered(4, 32, {
    requests: 4,
    latencyMs,
    faults: [undefined, undefined, undefined, 'timeout'],
    elapsedMs: 1_500,
    lagMs: Float64Array.of(0, 0, 0, 40),
    connections: 2,
  });
  equal(
    renderTsv([row]),
    'Rate\tPayload\tRequests\tThroughput\tSuccess %\tp50\tp95\tp99\tMax\tErrors\n4\t32\t4\t2.0\t75.00\t2.00\t3.00\t3.00\t3.00\t1 timeout\n',
  );
  match(renderText([row]), /^Rate {2}Payload {2}Requests .*\n {3}4 {7}32 .* 3\.00 ms {2}1 timeout\n$/);
  const about = { backend: 'sim', date: '', version: '', cpus: 2, memoryMiB: 1, durationMs: 1, maxConnections: 1 };
  deepEqual(JSON.parse(renderJson(about, [row])).rows, [row]);
  match(
    warnAbout('sim', [row]).join('\n'),
    /^SIMULATED: .*\n4\/s of 32 bytes: the generator itself was up to 40\.0 ms late/,
  );
  match(warnAbout(nameGround('nitro', { CAISSON_NITRO_ROOT: '/x' }), []).join(), /^SIMULATED: /);
  deepEqual(warnAbout(nameGround('nitro', { CAISSON_NITRO_ROOT: '' }), [{ ...row, generatorLagP99Ms: 0.1 }]), []);
});

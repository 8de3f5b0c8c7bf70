// R-I9, "connected is not live": whole boots with a supervisor that says ready only after the application's own handshake, and applications
// that die before they bind, after they bind, while they answer, or hours later. The host must never take one of them for ready.
import { deepEqual, equal, match, ok } from 'node:assert/strict';
import { mkdtempSync, rmSync } from 'node:fs';
import type { Socket } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { test } from 'node:test';
import { CID_ANY, CID_PARENT, toCid, toVsockPort } from '@caisson/core/address';
import { encodeFrame } from '@caisson/core/frame';
import { askHealth, askHealthOn, createReadyReporter, serveHealth } from '@caisson/link/ready';
import { createFabricTransport, type Transport } from '@caisson/link/transport';
import { laneBoundMs, laneFigure } from '@caisson/testkit/contract';
import { NotReadyError, waitUntilReady } from './index.ts';

const cid = toCid(16);
const [healthPort, appPort] = [toVsockPort(5000), toVsockPort(8080)];
const answer = encodeFrame(Buffer.from('{"status":"ok"}'));

interface Application {
  /** What it does with a connection; absent: it dies before it binds. */
  readonly behave?: (socket: Socket) => void;
  /** It says nothing: the probe gives it a moment. Any other has all the time it takes. */
  readonly isSilent?: true;
  readonly lives: boolean;
}

const applications: Readonly<Record<string, Application>> = {
  'dies before it binds': { lives: false },
  'binds and never accepts in earnest': { lives: false, isSilent: true, behave: () => {} },
  'dies on its first connection': { lives: false, behave: (socket) => socket.destroy() },
  'dies in the middle of its answer': { lives: false, behave: (socket) => socket.end(answer.subarray(0, 7)) },
  'answers another protocol': { lives: false, behave: (socket) => socket.end('HTTP/1.1 200 OK\r\n\r\n') },
  'says that it is not well': {
    lives: false,
    behave: (socket) => socket.end(encodeFrame(Buffer.from('{"status":"starting"}'))),
  },
  'answers for itself': { lives: true, behave: (socket) => socket.end(answer) },
};

/** The least supervisor there can be: probes the application as ReadyAction does, and reports. */
async function superviseBoot(enclave: Transport, { behave, isSilent }: Application) {
  const image = { profile: 'production', lastWords: 'inside', lastWordsKey: null } as const;
  const reporter = createReadyReporter({ transport: enclave, image, bootId: 'a'.repeat(32), clock: 'kvm-clock' });
  const health = await serveHealth({ transport: enclave, port: healthPort, health: () => reporter.health() });
  reporter.report('services', [{ code: 'service-starting', service: 'app' }]);
  const sockets: Socket[] = [];
  const bound =
    behave &&
    (await enclave.listen({ cid: CID_ANY, port: appPort }, {}, (socket) => {
      sockets.push(socket.on('error', () => {}).resume());
      behave(socket);
    }));
  const probe = async (): Promise<void> => {
    const socket = await enclave.connect({ cid, port: appPort }).catch(() => undefined);
    const outcome = socket && (await askHealthOn(socket, { timeoutMs: isSilent ? 15 : 60_000 }));
    if (outcome?.kind === 'answered' && outcome.health.status === 'ok') reporter.report('ready', []);
    else reporter.report('services', [{ code: 'service-not-ready', service: 'app' }]);
  };
  return {
    reporter,
    probe,
    async close() {
      for (const socket of sockets) socket.destroy();
      await bound?.close();
      await health.close();
      reporter.close();
    },
  };
}

test('R-I9 an enclave is ready only after its application’s own handshake, and a dead one never', async () => {
  const kinds = Object.entries(applications);
  const boots = laneFigure('R-I9');
  // One of each kind at once, since the dead take all of their time.
  for (let done = 0; done < boots; done += kinds.length) {
    await Promise.all(kinds.slice(0, boots - done).map(([name, application]) => bootAndWait(name, application)));
  }
});

async function bootAndWait(name: string, application: Application): Promise<void> {
  const directory = mkdtempSync(join(tmpdir(), 'caisson-'));
  const [host, enclave] = [CID_PARENT, cid].map((localCid) => createFabricTransport({ directory, localCid }));
  const supervisor = await superviseBoot(enclave!, application);
  try {
    const fromMs = performance.now();
    // Long enough for one answer, without which there is no last phase to name.
    const deadlineMs = application.lives ? 60_000 : laneBoundMs(60);
    const waiting = waitUntilReady({ cid, transport: host!, deadlineMs, intervalMs: 10 }).catch(
      (error: unknown) => error,
    );
    await supervisor.probe();
    const result = await waiting;
    if (application.lives) {
      deepEqual((result as { ready: boolean }).ready, true, name);
      // It dies later: the next one who asks must hear of it.
      supervisor.reporter.report('degraded', [{ code: 'service-exited', service: 'app', exit: 1 }]);
      const after = await askHealth({ transport: host!, cid, port: healthPort });
      equal(after.kind === 'answered' && after.health.status, 'degraded', name);
    } else {
      ok(result instanceof NotReadyError, `${name}: ${JSON.stringify(result)}`);
      match(result.message, /last phase services \(service-(starting|not-ready) app\)/, name);
      ok(performance.now() - fromMs < laneBoundMs(2_000), name);
    }
  } finally {
    await supervisor.close();
    rmSync(directory, { recursive: true });
  }
}

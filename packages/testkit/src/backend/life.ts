// From the start to ready, and every way to the end.
import { deepEqual, equal, match, ok, rejects } from 'node:assert/strict';
import { randomBytes } from 'node:crypto';
import { toVsockPort } from '@caisson/core/address';
import { parseHex } from '@caisson/core/bytes';
import type { RunningEnclave } from '@caisson/host/backend';
import { waitUntilReady } from '@caisson/host/ready';
import { verifyDocument } from '@caisson/verify';
import { type BackendPromise, isAlive, specOf } from './scene.ts';

// As hello's caisson.yaml has it.
const ingress = toVsockPort(8080);

export const lifePromises: readonly BackendPromise[] = [
  {
    title:
      'boots an image of the builder to ready: health answers, ingress works, its document has its measurements, and stop ends it',
    async run(scene) {
      const enclave = await scene.backend.start(specOf(scene, 'hello'));
      try {
        const { cid, transport } = enclave;
        const report = await waitUntilReady({ cid, transport, deadlineMs: scene.readyMs, intervalMs: 250 });
        equal(report.health?.status, 'ok');
        equal(await get(enclave, '/'), 'hello from inside');
        await verifyOwnDocument(enclave);
        if (scene.backend.capabilities.consoleAlways) match(enclave.console.tail(500), /\[ready\] ready/);
        ok(enclave.pids.length > 0 && enclave.pids.every(isAlive));
      } finally {
        const end = await enclave.stop();
        const expected = scene.backend.capabilities.stopsInOrder
          ? { kind: 'exited', code: 0 }
          : { kind: 'died', byHost: true };
        deepEqual(end, expected, enclave.console.tail(100));
      }
      ok(!enclave.pids.some(isAlive));
    },
  },
  {
    title: 'tells the code of an enclave that ends at once, and keeps its console',
    async run(scene) {
      const enclave = await scene.backend.start(specOf(scene, 'exits'));
      deepEqual(await enclave.ended, { kind: 'exited', code: 7 });
      match(enclave.console.tail(), /^caisson-init: exit 7$/m);
      // Nothing is there to be asked any more, and asking is no fault.
      deepEqual(await enclave.stop(), { kind: 'exited', code: 7 });
    },
  },
  {
    title: 'says that an enclave died where nobody saw its code, and that this side ended it where it did',
    async run(scene) {
      const first = await scene.backend.start(specOf(scene, 'waits'));
      deepEqual(await first.kill(), { kind: 'died', byHost: true });
      const second = await scene.backend.start(specOf(scene, 'waits'));
      process.kill(second.pids[0]!, 'SIGKILL');
      deepEqual(await second.ended, { kind: 'died', byHost: false });
      const third = await scene.backend.start(specOf(scene, 'waits'));
      process.kill(third.pids.at(-1)!, 'SIGKILL');
      deepEqual(await third.ended, { kind: 'died', byHost: false });
      ok(![...second.pids, ...third.pids].some(isAlive));
    },
  },
  {
    title: 'refuses a boot that ends before its heartbeat with the step and the console',
    async run(scene) {
      await rejects(
        scene.backend.start(specOf(scene, 'broken')),
        (error: Error & { code?: string; consoleTail?: string }) => {
          equal(error.code, 'BACKEND_BOOT');
          match(
            error.message,
            /^enclave broken ended with 125 before its heartbeat; its console stops at: caisson-init: command .*$/,
          );
          match(error.consoleTail ?? '', /caisson-init: command .*\n(.*\n)*caisson-init: exit 125$/m);
          return true;
        },
      );
    },
  },
  {
    title: 'ends a boot that has no heartbeat within its time',
    async run(scene) {
      await rejects(scene.backend.start(specOf(scene, 'waits', { bootMs: 1 })), {
        code: 'BACKEND_LATE',
        message: /^enclave waits must send its heartbeat within 1 ms; /,
      });
    },
  },
  {
    title: 'gives a start up when it is told to',
    async run(scene) {
      const stop = new AbortController();
      const started = scene.backend.start(specOf(scene, 'waits', { signal: stop.signal }));
      stop.abort(new Error('changed my mind'));
      await rejects(started, /changed my mind/);
    },
  },
  {
    title: 'starts an enclave that never becomes ready, which is found out within the deadline of whoever waits',
    async run(scene) {
      const enclave = await scene.backend.start(specOf(scene, 'waits'));
      const { cid, transport } = enclave;
      try {
        await rejects(waitUntilReady({ cid, transport, deadlineMs: 300, intervalMs: 50 }), { code: 'READY_LATE' });
      } finally {
        await enclave.kill();
      }
    },
  },
];

async function verifyOwnDocument(enclave: RunningEnclave): Promise<void> {
  const { documents, measurements } = enclave;
  if (documents.kind !== 'simulated') return;
  const nonce = randomBytes(32);
  const answer = JSON.parse(await get(enclave, `/document?${nonce.toString('hex')}`)) as { ok: boolean; data: string };
  ok(answer.ok, JSON.stringify(answer));
  const { PCR0, PCR1, PCR2 } = measurements;
  await verifyDocument(parseHex(answer.data), {
    roots: [documents.rootPem],
    nonce,
    pcrs: { 0: PCR0, 1: PCR1, 2: PCR2 },
  });
  await rejects(verifyDocument(parseHex(answer.data), { nonce }), { name: 'VerificationError' });
}

async function get({ cid, transport }: RunningEnclave, path: string): Promise<string> {
  const socket = await transport.connect({ cid, port: ingress }, { timeoutMs: 10_000 });
  socket.setTimeout(30_000, () => socket.destroy(new Error(`no answer to ${path}`)));
  socket.write(`GET ${path} HTTP/1.0\r\nHost: x\r\nConnection: close\r\n\r\n`);
  let text = '';
  for await (const chunk of socket) text += chunk.toString();
  // Its own half is still open, and would time out long after.
  socket.destroy();
  return text.slice(text.indexOf('\r\n\r\n') + 4);
}

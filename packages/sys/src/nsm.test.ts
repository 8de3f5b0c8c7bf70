// The NSM pipe against files that are no NSM, and its queue against an addon that answers when told.
import { deepEqual, equal, rejects } from 'node:assert/strict';
import { readdirSync } from 'node:fs';
import { test } from 'node:test';
import type { NsmAddon } from './addon.ts';
import { loadAddon } from './load.ts';
import { openNsmDevice } from './nsm.ts';

const { addon } = loadAddon();
const skip = addon === undefined && 'the addon is not built';

/** Requests wait here until the test answers them. */
function createHeldAddon(): {
  addon: NsmAddon;
  waiting: { request: Uint8Array; answer(result: Uint8Array | number): void }[];
} {
  const waiting: ReturnType<typeof createHeldAddon>['waiting'] = [];
  return {
    waiting,
    addon: { nsmRequest: (_fd, request) => new Promise((answer) => waiting.push({ request, answer })) },
  };
}

const turn = () => new Promise((resolve) => setImmediate(resolve));

test('a machine without the device gives ENOENT with advice', { skip }, async () => {
  await rejects(openNsmDevice(addon!, '/dev/no-such-nsm'), (error: NodeJS.ErrnoException & { hint?: string }) => {
    equal(error.code, 'ENOENT');
    equal(error.syscall, 'open');
    equal(error.message, 'open ENOENT /dev/no-such-nsm');
    return /CAISSON_NSM=sim/.test(error.hint ?? '');
  });
});

test('a file that is no NSM gives ENOTTY with advice, and takes the next request', { skip }, async () => {
  const device = await openNsmDevice(addon!, '/dev/null');
  for (let round = 0; round < 3; round += 1) {
    await rejects(device.request(Uint8Array.of(1, 2, 3)), { code: 'ENOTTY', hint: 'this file is not an NSM device' });
  }
  await device.close();
});

test('a request over 4,096 bytes is refused with EMSGSIZE before the device is asked', async () => {
  const { addon: held, waiting } = createHeldAddon();
  const device = await openNsmDevice(held, '/dev/null');
  await rejects(device.request(new Uint8Array(4_097)), { code: 'EMSGSIZE', message: /at most 4096 bytes, got 4097/ });
  equal(waiting.length, 0);
  const whole = device.request(new Uint8Array(4_096));
  await turn();
  equal(waiting[0]?.request.length, 4_096);
  waiting[0]?.answer(Uint8Array.of(7));
  deepEqual(await whole, Uint8Array.of(7));
  await device.close();
});

test('the addon itself refuses more than 4,096 bytes and anything but a Uint8Array', { skip }, async () => {
  for (const wrong of [new Uint8Array(4_097), new Uint16Array(4), 'text', undefined]) {
    await rejects(async () => addon!.nsmRequest(1, wrong as Uint8Array), TypeError);
  }
});

test('requests are asked one at a time in their order, a failed one does not stop the next', async () => {
  const { addon: held, waiting } = createHeldAddon();
  const device = await openNsmDevice(held, '/dev/null');
  const bytes = Uint8Array.of(1);
  const first = device.request(bytes);
  bytes[0] = 99;
  const second = device.request(Uint8Array.of(2));
  const third = device.request(Uint8Array.of(3));
  second.catch(() => undefined);
  await turn();
  deepEqual(
    waiting.map(({ request }) => request[0]),
    [1],
  );
  waiting[0]?.answer(Uint8Array.of(10));
  deepEqual(await first, Uint8Array.of(10));
  await turn();
  equal(waiting.length, 2);
  waiting[1]?.answer(-5);
  await rejects(second, { code: 'EIO' });
  await turn();
  waiting[2]?.answer(Uint8Array.of(30));
  deepEqual(await third, Uint8Array.of(30));
  await device.close();
});

test('close lets the running request end, cancels those behind it, and leaves no descriptor', async () => {
  const before = readdirSync('/proc/self/fd').length;
  const { addon: held, waiting } = createHeldAddon();
  const device = await openNsmDevice(held, '/dev/null');
  const running = device.request(Uint8Array.of(1));
  const behind = device.request(Uint8Array.of(2));
  behind.catch(() => undefined);
  await turn();
  const closing = device.close();
  let isClosed = false;
  closing.then(() => {
    isClosed = true;
  });
  await rejects(device.request(Uint8Array.of(3)), { code: 'EBADF' });
  await turn();
  equal(isClosed, false, 'the descriptor is still under the running ioctl');
  waiting[0]?.answer(Uint8Array.of(10));
  deepEqual(await running, Uint8Array.of(10));
  await rejects(behind, { code: 'ECANCELED' });
  await closing;
  await device.close();
  equal(waiting.length, 1);
  equal(readdirSync('/proc/self/fd').length, before);
});

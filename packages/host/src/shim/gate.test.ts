// Who waits at a closed gate costs nothing once he has left, and is let in with everybody else when it opens.
import { deepEqual, equal, rejects } from 'node:assert/strict';
import { test } from 'node:test';
import { toCid, toVsockPort } from '@caisson/core/address';
import type { Transport } from '@caisson/link/transport';
import { createFakeClock } from '@caisson/testkit/fake';
import { Gate } from './gate.ts';

const place = { cid: toCid(16), transport: {} as Transport };
const port = toVsockPort(80);

test('a caller who leaves while he is held is forgotten at once, and the others are let in', async () => {
  const clock = createFakeClock();
  const gate = new Gate(clock, () => 'it is booting');
  const [left, stays] = [new AbortController(), new AbortController()];
  const first = gate.admit(port, 60_000, left.signal);
  const second = gate.admit(port, 60_000, stays.signal);
  equal(clock.pending, 2);
  left.abort(new Error('left'));
  await rejects(first, { message: 'left' });
  equal(clock.pending, 1);
  gate.open(place);
  deepEqual([await second, clock.pending], [{ ...place, port }, 0]);
  gate.shut();
  const late = gate.admit(port, 5_000, stays.signal);
  await Promise.all([
    rejects(late, { code: 'SHIM_NOT_READY', message: 'enclave must be ready within 5000 ms, it is booting' }),
    clock.advance(5_000),
  ]);
  equal(clock.pending, 0);
});

// docs/wire/addresses.md, "What the kernel does", against the kernel of a real enclave: every cell of its table, and the errno
// names that it tells of. A page about a kernel is only worth what the kernel says to it.
import assert from 'node:assert/strict';
import { once } from 'node:events';
import { readFileSync } from 'node:fs';
import { test } from 'node:test';
import type { VsockPort } from '@caisson/core/address';
import type { AddressAnswers } from './guest/address.ts';
import { type Bound, boundPort, gatePort } from './guest/address-port.ts';
import { hearReport } from './hear.ts';
import { buildImage } from './image.ts';
import { bootEnclave, type Enclave, skip, within } from './rig.ts';

const page = readFileSync(new URL('../../docs/wire/addresses.md', import.meta.url), 'utf8');
const patience = { timeoutMs: 60_000, retryRefused: true };

test('the kernel of an enclave does with addresses what docs/wire/addresses.md says', {
  skip,
  timeout: 300_000,
}, async (context) => {
  const image = await buildImage({ guest: 'address' });
  const enclave = await bootEnclave({ image: image.file, cid: 26 });
  const report = hearReport<AddressAnswers>(enclave, 240_000);
  report.catch(() => {});
  try {
    // Bound last of the three: whoever gets in there may take a refusal of the others for an answer.
    const first = await enclave.parent.connect({ cid: enclave.cid, port: boundPort['its own CID'] }, patience);
    first.destroy();
    const heard: Partial<Record<Bound, string>> = {};
    for (const bound of Object.keys(boundPort) as Bound[]) heard[bound] = await hear(enclave, boundPort[bound]);
    (await enclave.parent.connect({ cid: enclave.cid, port: gatePort }, patience)).destroy();
    const { listeners, dials, binds } = await report;

    const rows = [...page.matchAll(/^\| (any CID|CID 1|its own CID) \| (.+) \| (.+) \| (.+) \| (.+) \|$/gm)];
    assert.equal(rows.length, 3);
    for (const [, bound, parent, loopback, own, free] of rows) {
      await context.test(`a listener bound to ${bound} hears and shares what the page says`, () => {
        const seen = listeners[bound as Bound];
        const shown = [heard[bound as Bound], seen.loopback, seen.own].map((answer) =>
          answer?.startsWith('ECONNREFUSED') ? 'no' : answer,
        );
        assert.deepEqual([...shown, seen.free], [parent, loopback, own, free]);
      });
    }

    await context.test('a dial that nobody hears is ECONNRESET, told as ECONNREFUSED, whatever the CID', () => {
      assert.ok(page.includes('0, 2, 77 and 4294967295'));
      const all = [0, 1, 2, 3, 26, 77, 4294967295].map((cid) => [cid, 'ECONNREFUSED from ECONNRESET']);
      assert.deepEqual(dials, Object.fromEntries(all));
    });
    await context.test('a listener for a CID that is not the enclave’s own is EADDRNOTAVAIL', () => {
      assert.deepEqual(binds, Object.fromEntries([0, 2, 3, 77].map((cid) => [cid, 'EADDRNOTAVAIL'])));
    });
    assert.equal(await within(120_000, 'the end', enclave.exit), 0);
  } finally {
    await enclave.close();
    image.remove();
  }
});

async function hear(enclave: Enclave, port: VsockPort): Promise<string> {
  try {
    const socket = await enclave.parent.connect({ cid: enclave.cid, port });
    const [answer] = await within(120_000, 'the answer', once(socket, 'data'));
    socket.destroy();
    return String(answer);
  } catch (error) {
    return String((error as NodeJS.ErrnoException).code);
  }
}

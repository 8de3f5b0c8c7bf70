// Far more enclaves than a parent has room for: those that fit run, every other hears by how much it does not, and nothing is tried for nothing.
import { deepEqual, equal, match } from 'node:assert/strict';
import { mkdirSync, mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, test } from 'node:test';
import { CID_PARENT } from '@caisson/core/address';
import { createNitroBackend } from '@caisson/host/backend-nitro';
import { measureImage } from '@caisson/host/image';
import { createFabricTransport } from '@caisson/link/transport';
import { writeMeasuredEif } from '@caisson/testkit/boot';
import { laneFigure } from '@caisson/testkit/contract';
import { createFakeNitro, type FakeNitro } from '@caisson/testkit/nitro-cli';

// Given by the fake.
const pool = [2, 3, 6, 7];
const folder = mkdtempSync(join(tmpdir(), 'caisson-cap-'));
let fake: FakeNitro | undefined;
after(() => {
  fake?.close();
  rmSync(folder, { recursive: true });
});

test('R-G5 of 100 enclaves that are wanted at once where four fit, four run, the others hear why not, and one that ends makes room', {
  timeout: 600_000,
}, async () => {
  const image = join(folder, 'plain.eif');
  await writeMeasuredEif(image, undefined);
  mkdirSync(join(folder, 'fake'));
  mkdirSync(join(folder, 'fabric/3'), { recursive: true, mode: 0o700 });
  fake = createFakeNitro(join(folder, 'fake'), { [image]: { ...(await measureImage(image)) } });
  const transport = createFabricTransport({ directory: join(folder, 'fabric'), localCid: CID_PARENT, hostWide: true });
  const backend = createNitroBackend({ state: join(folder, 's'), transport, path: fake.path, root: fake.root });
  const start = (index: number) =>
    backend.start({ name: `one-${index}`, image, memoryMiB: 64, cpus: { ids: [pool[index % pool.length]!] } });
  const wanted = await Promise.allSettled(Array.from({ length: laneFigure('R-G5') }, (_, index) => start(index)));
  const running = wanted.flatMap((one) => (one.status === 'fulfilled' ? [one.value] : []));
  const refusals = wanted.flatMap((one) => (one.status === 'rejected' ? [one.reason as Error & { code: string }] : []));
  deepEqual([running.length, new Set(refusals.map(({ code }) => code))], [pool.length, new Set(['BACKEND_CAPACITY'])]);
  for (const { message } of refusals)
    match(message, /must be free ones of the pool, got [2367]; the pool has 2,3,6,7, free are/);
  equal(fake.enclaves().length, pool.length);
  const [first] = running;
  await first!.kill();
  const next = await start(Number(first!.name.slice('one-'.length)));
  equal(fake.enclaves().length, pool.length);
  for (const one of [...running.slice(1), next]) await one.kill();
  deepEqual(fake.enclaves(), []);
});

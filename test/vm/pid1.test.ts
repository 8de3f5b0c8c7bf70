// PID 1 as the real PID 1, with a supervisor on fd 3: what namespaces and a simulation cannot show.
import assert from 'node:assert/strict';
import { join } from 'node:path';
import { test } from 'node:test';
import { hostPort, toCid } from '@caisson/core/address';
import { buildImage, type Image } from './image.ts';
import { bootEnclave, type Enclave, skip, within } from './rig.ts';

const probe = join(import.meta.dirname, `../../packages/sys/build/linux-${process.arch}/caisson-init-probe`);

function buildSupervised(words: readonly string[]): Promise<Image> {
  return buildImage({ guest: 'supervisor', supervisor: words, programs: { '/bin/probe': probe } });
}

function reports(enclave: Enclave): unknown {
  const lines = [...enclave.console().matchAll(/^report (\{.*\})\r?$/gm)].map(
    ([, text]) => JSON.parse(text!) as object,
  );
  return Object.assign({}, ...lines);
}

test('services outlive their supervisor, are found and stopped by the next, and its code is the end', {
  skip,
}, async () => {
  const image = await buildSupervised([]);
  const enclave = await bootEnclave({ image: image.file, cid: 16 });
  try {
    assert.equal(await enclave.exit, 42, enclave.console());
    const { memory, ...seen } = reports(enclave) as { memory: number };
    assert.deepEqual(seen, {
      failure: 'exec ENOENT /bin/nothing',
      terminal: { kind: 'signal', signal: 2, dumped: false },
      names: ['leave exit', 'wait runs'],
      parent: '1',
      user: '1000',
      privileges: '1',
      score: '-500',
      stopped: { kind: 'signal', signal: 15, dumped: false },
      left: 0,
      zombies: 0,
    });
    assert.ok(memory < 1024, `PID 1 has ${memory} KiB`);
    assert.match(enclave.console(), /caisson-init: supervisor ended with signal 9/);
    assert.doesNotMatch(enclave.console(), /skipped|left out/);
  } finally {
    await enclave.close();
    image.remove();
  }
});

test('PID 1 ends alone when it is told to and its supervisor dies, and says so to the parent', { skip }, async () => {
  const image = await buildSupervised(['stop']);
  const enclave = await bootEnclave({ image: image.file, cid: 16 });
  const heard = Promise.withResolvers<string>();
  const port = hostPort(enclave.cid, 0);
  const listener = await enclave.parent.listen({ cid: toCid(3), port }, {}, (socket) => {
    let text = '';
    socket.on('error', heard.reject).on('data', (bytes: Buffer) => (text += bytes.toString()));
    socket.on('end', () => {
      socket.end();
      heard.resolve(text);
    });
  });
  try {
    assert.equal(await enclave.exit, 143, enclave.console());
    const words = await within(120_000, 'the last word', heard.promise);
    assert.equal(words, '{"v":1,"final":true,"exit":143,"code":"stopped"}\n');
    assert.match(enclave.console(), /caisson-init: stopping everything: stopped/);
  } finally {
    await listener.close();
    await enclave.close();
    image.remove();
  }
});

// What the backend does around a machine, with programs in its place that only say what a machine would.
import { deepEqual, equal, rejects } from 'node:assert/strict';
import { mkdirSync, mkdtempSync, readdirSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, test } from 'node:test';
import { writeMeasuredEif } from '@caisson/testkit/boot';
import { createQemuBackend } from './index.ts';

let folder = '';
let image = '';
beforeEach(async () => {
  folder = mkdtempSync(join(tmpdir(), 'c-q-'));
  mkdirSync(join(folder, 'qemu'));
  image = join(folder, 'h.eif');
  await writeMeasuredEif(image, undefined);
  program('vsockd', `require('net').createServer().listen(process.argv[2]);`);
});
afterEach(() => rmSync(folder, { recursive: true, force: true }));

function program(name: string, source: string): void {
  const path = join(folder, 'qemu', name);
  writeFileSync(path, `#!${process.execPath}\n${source}\n`, { mode: 0o755 });
}

/** Knows the machine, does `first` to the image that it was given, then gives its heartbeat. */
function qemu(first: string): void {
  program(
    'qemu-system-x86_64',
    `const { argv } = process, fs = require('fs');
    if (argv.includes('help')) { console.log('nitro-enclave'); process.exit(); }
    const image = argv[argv.indexOf('-kernel') + 1];
    ${first};
    const device = argv.find((word) => word.startsWith('socket,id=c,path=')).slice(17);
    const line = require('net').connect(device.replace(/d$/, 'v_9000'), () => line.write(Buffer.of(0xb7)));
    setInterval(() => {}, 1000);`,
  );
}

const start = () =>
  createQemuBackend({ state: join(folder, 's'), folder: join(folder, 'qemu') }).start({
    name: 'web',
    image,
    memoryMiB: 64,
    cpus: { count: 1 },
    debug: false,
    bootMs: 10_000,
  });

test('T-G1 an image that another takes the place of between its measurement and its boot is not run', async () => {
  qemu('fs.copyFileSync(image, image + "2"); fs.renameSync(image + "2", image)');
  await rejects(start(), { code: 'IMAGE_CHANGED' });
  deepEqual(readdirSync(join(folder, 's/run')), ['fabric'], 'nothing of it is left');
  qemu('');
  const running = await start();
  equal(running.backend, 'qemu');
  deepEqual(await running.kill(), { kind: 'died', byHost: true });
});

// Our images boot: PID 1 on real hardware's terms, the heartbeat, the end with its code, and measurements that the
// hypervisor's own code agrees with.
import assert from 'node:assert/strict';
import { createHash } from 'node:crypto';
import { test } from 'node:test';
import { toHex } from '@caisson/core/bytes';
import { hearReport } from './hear.ts';
import { buildImage } from './image.ts';
import { bootEnclave, skip } from './rig.ts';

interface Measured {
  readonly pcrs: readonly string[];
  readonly extended: string;
  readonly refused: string;
  readonly locked: boolean;
  readonly draws: readonly [string, string];
  readonly document: string;
  readonly cid: number;
  readonly loopback: readonly string[];
  readonly mounts: readonly string[];
  readonly environment: Readonly<Record<string, string>>;
  readonly parent: number;
}

test('boots, beats, runs the command and ends with its code on the console', { skip }, async () => {
  const image = await buildImage({ command: 'probe\nexit\n42\n' });
  const enclave = await bootEnclave({ image: image.file, cid: 16 });
  try {
    assert.equal(await enclave.exit, 42);
    assert.doesNotMatch(enclave.console(), /skipped/, 'nothing is skipped on hardware');
  } finally {
    await enclave.close();
    image.remove();
  }
});

test('an image without a root file system ends with the reason and never beats', { skip }, async () => {
  const image = await buildImage({ broken: true });
  try {
    await assert.rejects(bootEnclave({ image: image.file, cid: 16 }), {
      message: /ended with 125 before its heartbeat[\s\S]*caisson-init: command \/cmd: No such file or directory/,
    });
  } finally {
    image.remove();
  }
});

test('the NSM reports the PCRs that we computed, in two enclaves at once', { skip }, async () => {
  const image = await buildImage({ guest: 'measure', env: { GREETING: 'hello there' } });
  const enclaves = await Promise.all([17, 18].map((cid) => bootEnclave({ image: image.file, cid })));
  try {
    const reports = await Promise.all(enclaves.map((enclave) => hearReport<Measured>(enclave)));
    for (const [index, seen] of reports.entries()) {
      const { pcr0, pcr1, pcr2 } = image.measurements;
      assert.deepEqual(seen.pcrs, [pcr0, pcr1, pcr2].map(toHex));
      const sum = createHash('sha384').update(Buffer.alloc(48)).update('caisson').digest('hex');
      assert.equal(seen.extended, sum);
      assert.match(seen.refused, /ReadOnlyIndex/);
      assert.equal(seen.locked, true);
      assert.deepEqual(
        seen.draws.map((draw) => draw.length / 2),
        [256, 256],
      );
      assert.notEqual(seen.draws[0], seen.draws[1]);
      assert.ok(seen.document.includes(sum), 'the document carries the locked PCR16');
      assert.ok(seen.document.includes(Buffer.from('nonce').toString('hex')));
      assert.equal(seen.cid, 17 + index);
      assert.deepEqual(
        seen.loopback.filter((address) => address.includes('.')),
        ['127.0.0.1'],
      );
      for (const target of ['/', '/dev', '/proc', '/sys', '/run', '/tmp', '/dev/shm', '/dev/pts', '/sys/fs/cgroup']) {
        assert.ok(seen.mounts.includes(target), `${target} is mounted`);
      }
      assert.deepEqual(seen.environment, { PATH: '/bin', HOME: '/', GREETING: 'hello there' });
      assert.equal(seen.parent, 1);
      assert.equal(await enclaves[index]!.exit, 0);
    }
  } finally {
    await Promise.all(enclaves.map((enclave) => enclave.close()));
    image.remove();
  }
});

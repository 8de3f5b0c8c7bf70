// Heads of kernels as they are, and whatever else somebody may name.
import assert from 'node:assert/strict';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { test } from 'node:test';
import fc from 'fast-check';
import { openKernel } from './kernel.ts';
import { readKernelHead } from './kernel-head.ts';

function bzImage(version: string): Buffer {
  const bytes = Buffer.alloc(0x1000);
  bytes.write('HdrS', 0x202);
  bytes.writeUInt16LE(0x400, 0x20e);
  bytes.write(version, 0x600);
  return bytes;
}
const arm64 = Buffer.alloc(64);
arm64.write('ARM\x64', 56, 'latin1');

test('reads machine and version of a kernel, and of other bytes that they say nothing', () => {
  const sound = bzImage('6.12.95 (caisson@caisson) #1 Thu Jan  1');
  assert.deepEqual(readKernelHead(sound), { architecture: 'x86_64', version: '6.12.95' });
  assert.deepEqual(readKernelHead(bzImage('6.12.95\n(x)')), { architecture: 'x86_64', version: '' });
  assert.deepEqual(readKernelHead(sound.subarray(0, 0x20f)), { architecture: 'x86_64', version: '' });
  assert.deepEqual(readKernelHead(arm64), { architecture: 'aarch64', version: '' });
  assert.deepEqual(readKernelHead(Buffer.from('any text')), { architecture: null, version: '' });
  fc.assert(
    fc.property(fc.uint8Array({ maxLength: 64 }), fc.nat(0x620), (bytes, at) => {
      const changed = Buffer.from(sound);
      changed.set(bytes, at);
      assert.match(readKernelHead(changed).version, /^[\w.+-]{0,70}$/);
    }),
    { seed: 1, numRuns: 300 },
  );
});

test('a kernel for another machine is refused, and the version of the other is known', async (context) => {
  const folder = mkdtempSync(join(tmpdir(), 'caisson-kernel-'));
  context.after(() => rmSync(folder, { recursive: true }));
  const [x86Path, armPath] = [join(folder, 'bzImage'), join(folder, 'Image')];
  writeFileSync(x86Path, bzImage('6.12.95 (a@b)'));
  writeFileSync(armPath, arm64);
  assert.equal((await openKernel(x86Path, 'x86_64')).version, '6.12.95');
  assert.equal((await openKernel(armPath, 'aarch64')).name, 'Image');
  await assert.rejects(openKernel(x86Path, 'aarch64'), {
    code: 'BUILD_KERNEL',
    message: `kernel ${x86Path} must be for aarch64, got one for x86_64`,
  });
  await assert.rejects(openKernel(armPath, 'x86_64'), /must be for x86_64, got one for aarch64/);
});

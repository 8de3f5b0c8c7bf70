// This machine as the doctor sees it: bounded, and never surprised.
import assert from 'node:assert/strict';
import { execFileSync } from 'node:child_process';
import { chmodSync, mkdirSync, mkdtempSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import { createServer } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, before, test } from 'node:test';
import { createFakeMachine } from '@caisson/testkit/machine';
import fc from 'fast-check';
import { parseCpuList } from '../backend-nitro/index.ts';
import { readAllocatorFile } from './allocator-file.ts';
import { formatCpuList, readCpus } from './cpu.ts';
import { findKernelHazards, readKernelVersion } from './kernel-version.ts';
import { openLinuxMachine } from './linux-machine.ts';
import { readNodes } from './node-memory.ts';

let root: string;
before(() => {
  root = mkdtempSync(join(tmpdir(), 'caisson-doctor-'));
  mkdirSync(join(root, 'etc'));
  mkdirSync(join(root, 'bin'));
  writeFileSync(join(root, 'etc/small'), 'text\n');
  writeFileSync(join(root, 'etc/large'), Buffer.alloc((1 << 20) + 1));
  symlinkSync('nowhere', join(root, 'etc/broken'));
  execFileSync('mkfifo', [join(root, 'etc/pipe')]);
  const script = (name: string, text: string): void => {
    writeFileSync(join(root, 'bin', name), `#!/bin/sh\n${text}\n`);
    chmodSync(join(root, 'bin', name), 0o755);
  };
  script('says', 'echo "$@"; echo err >&2; exit 3');
  script('floods', 'exec yes');
});
after(() => rmSync(root, { recursive: true }));

test('files are read whole or not at all: no large one, no pipe that waits, no broken link', () => {
  const machine = openLinuxMachine({ env: {}, root });
  assert.equal(machine.readText('/etc/small'), 'text\n');
  for (const path of ['/etc/large', '/etc/pipe', '/etc/broken', '/etc', '/none'])
    assert.equal(machine.readText(path), undefined, path);
  assert.deepEqual(machine.list('/etc'), ['broken', 'large', 'pipe', 'small']);
  assert.deepEqual([machine.list('/none'), machine.stat('/none'), machine.mayUse('/none')], [[], undefined, false]);
  assert.deepEqual([machine.stat('/etc')?.kind, machine.stat('/etc/small')?.bytes], ['folder', 5]);
  assert.ok((machine.space('/etc')?.freeMiB ?? 0) > 0);
});

test('a command gets words and no shell, and ends: by itself, or by its bytes', async () => {
  const machine = openLinuxMachine({ env: { PATH: join(root, 'bin') } });
  assert.deepEqual(await machine.run('says', ['a b', '$HOME;true']), {
    exitCode: 3,
    stdout: 'a b $HOME;true\n',
    stderr: 'err\n',
    isCut: false,
  });
  assert.equal(await machine.run('absent', []), undefined);
  const flood = await machine.run(join(root, 'bin/floods'), [], { PATH: '/usr/bin:/bin' });
  assert.deepEqual([flood?.isCut, flood?.exitCode], [true, null]);
  assert.deepEqual(await machine.run(join(root, 'etc/small'), []), {
    exitCode: null,
    stdout: '',
    stderr: '',
    isCut: false,
  });
});

test('a port that somebody has is told by its code, and one that was tried is free again', async () => {
  const machine = openLinuxMachine({ env: {} });
  const server = createServer();
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  const { port } = server.address() as { port: number };
  const target = { kind: 'tcp', address: '127.0.0.1', port } as const;
  assert.equal(await machine.tryListen(target), 'EADDRINUSE');
  await new Promise((resolve) => server.close(resolve));
  assert.deepEqual([await machine.tryListen(target), await machine.tryListen(target)], [null, null]);
});

test('lists of processors are read back as they are written', () => {
  fc.assert(
    fc.property(fc.uniqueArray(fc.integer({ min: 0, max: 400 })), (ids) => {
      assert.deepEqual(
        parseCpuList(formatCpuList(ids)),
        ids.toSorted((left, right) => left - right),
      );
    }),
    { seed: 4, numRuns: 200 },
  );
  assert.equal(formatCpuList([6, 2, 3, 7, 9]), '2-3,6-7,9');
});

test('no text of the kernel and no allocator.yaml breaks the readers', () => {
  const text = fc.oneof(
    fc.string(),
    fc.string({ unit: fc.constantFrom(...'0123456789-, \nNode:kB[]{}memory_mibcpu_count') }),
  );
  fc.assert(
    fc.property(text, text, (one, other) => {
      const machine = createFakeMachine({
        files: {
          '/etc/nitro_enclaves/allocator.yaml': one,
          '/sys/devices/system/cpu/present': other,
          '/sys/devices/system/cpu/online': one,
          '/sys/devices/system/cpu/cpu0/topology/thread_siblings_list': one,
          '/sys/devices/system/node/node0/meminfo': other,
          '/proc/buddyinfo': one,
        },
      });
      const read = readAllocatorFile(machine);
      assert.ok(read !== null && (read.pools !== null || read.faults.length > 0));
      for (const { cpus } of readCpus(machine, [0, 1, 2, 3]).cores) assert.ok(cpus.length > 0);
      for (const { totalMiB, unbrokenMiB = 0 } of readNodes(machine)) assert.ok(totalMiB >= 0 && unbrokenMiB >= 0);
    }),
    { seed: 5, numRuns: 300 },
  );
});

test('hazards of vsock are told by the version of the kernel', () => {
  const hazards = (text: string): string[] =>
    findKernelHazards(readKernelVersion(text)!).map(({ what }) => what.slice(0, 12));
  assert.deepEqual(hazards('6.1.141-165.249.amzn2023.x86_64'), []);
  assert.deepEqual(hazards('6.12.60'), []);
  assert.deepEqual(hazards('6.12.80'), ['single vsock']);
  assert.deepEqual(hazards('6.12.95-cloud-amd64'), ['single vsock', 'many small v']);
  assert.deepEqual(hazards('6.17.0'), ['single vsock']);
  assert.deepEqual(hazards('7.0.8'), ['single vsock', 'many small v', 'failed vsock']);
  assert.deepEqual(hazards('7.0.9'), ['single vsock', 'many small v']);
  for (const text of ['', 'linux', '6', '-6.1']) assert.equal(readKernelVersion(text), undefined, text);
});

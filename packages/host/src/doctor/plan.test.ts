// allocator.yaml for machines: what fits is as little as it can be, what does not is refused with the numbers.
import assert from 'node:assert/strict';
import { test } from 'node:test';
import {
  c5Xlarge,
  createFakeMachine,
  type FakeMachineParts,
  laptop,
  m5TwoNodes,
  shapeMachine,
} from '@caisson/testkit/machine';
import fc from 'fast-check';
import { parse } from 'yaml';
import { parseCompose } from '../compose/index.ts';
import { readAllocatorFile } from './allocator-file.ts';
import { poolFaults } from './check/nitro-share.ts';
import { formatCpuList } from './cpu.ts';
import { readGround } from './ground.ts';
import { fitsEach, leastReservation, splitPages } from './page-fit.ts';
import { type AllocatorPlan, planAllocator } from './plan.ts';
import { readWanted } from './wanted.ts';

async function plan(machine: readonly FakeMachineParts[], yaml: string): Promise<AllocatorPlan> {
  const fake = createFakeMachine(...machine);
  const wanted = readWanted(parseCompose(yaml, 'caisson.yaml'), '/app/caisson.yaml', fake, '/state');
  const ground = await readGround({
    machine: fake,
    state: '/state',
    operator: '/operator',
    parts: [],
    records: async () => [],
    file: 'caisson.yaml',
    fileFault: null,
    wanted,
  });
  const found = planAllocator(ground, 'caisson.yaml');
  // What is proposed is taken by the doctor's own reading of such a file, and by the rules of the driver.
  const put = createFakeMachine(...machine, { files: { '/etc/nitro_enclaves/allocator.yaml': found.text } });
  assert.deepEqual(readAllocatorFile(put), {
    pools: [{ memoryMiB: found.memoryMiB, cpuCount: undefined, cpuPool: found.cpuPool }],
    faults: [],
  });
  assert.deepEqual(poolFaults(found.cpuPool, ground), []);
  return found;
}

const poolOf = (list: string): FakeMachineParts => ({
  files: { '/sys/module/nitro_enclaves/parameters/ne_cpus': `${list}\n` },
});

const one = (resources: string, more = ''): string => `name: app\nresources: { ${resources} }\n${more}`;

test('takes whole cores of one node and never core 0, as few as are needed, and the memory that is asked for', async () => {
  const small = await plan(c5Xlarge, one('cpus: 2, memoryMiB: 1500'));
  assert.deepEqual([small.cpuPool, small.memoryMiB, small.node], [[1, 3], 1500, 0]);
  assert.deepEqual(parse(small.text), { memory_mib: 1500, cpu_pool: '1,3' });
  const large = await plan(
    m5TwoNodes,
    'enclaves:\n  a: { resources: { cpus: 4, memoryMiB: 4096 } }\n  b: { resources: { cpus: 2, memoryMiB: 2048 } }\n',
  );
  assert.equal(formatCpuList(large.cpuPool), '1-3,49-51');
  assert.equal(large.memoryMiB, 6144);
  assert.match(
    large.command,
    /^caisson doctor --plan caisson\.yaml \| sudo tee .* && sudo systemctl restart nitro-enclaves-allocator$/,
  );
  assert.equal((await plan(laptop, one('cpus: 2, memoryMiB: 512'))).cpuPool.join(), '2,3');
});

test('rounds a number of processors up to whole cores, and says what to write', async () => {
  const found = await plan(c5Xlarge, one('cpus: 1, memoryMiB: 512'));
  assert.deepEqual(found.cpuPool, [1, 3]);
  assert.match(found.reasons.join('\n'), /app: write cpus: 2 for its 1/);
});

test('takes the processors that a file names, and the other node where one is too small', async () => {
  const named = await plan(m5TwoNodes, one('cpu_ids: [30, 78], memoryMiB: 1024'));
  assert.deepEqual([named.cpuPool, named.node], [[30, 78], 1]);
  const other = await plan(m5TwoNodes, one('cpus: 48, memoryMiB: 1024'));
  assert.deepEqual([other.cpuPool.length, other.node], [48, 1]);
});

test('refuses what the machine cannot hold, naming the numbers of each node', async () => {
  await assert.rejects(plan(c5Xlarge, one('cpus: 4, memoryMiB: 512')), {
    code: 'DOCTOR_PLAN',
    message: 'no node of this machine holds app: node 0 has 2 processors beside core 0, 4 are asked for',
  });
  await assert.rejects(
    plan(c5Xlarge, one('cpus: 2, memoryMiB: 7600')),
    /node 0 has 7231 MiB to give of 7743, 7600 are asked for/,
  );
  await assert.rejects(plan(m5TwoNodes, one('cpus: 50, memoryMiB: 512')), /node 0 has 46 .*; node 1 has 48 /);
  await assert.rejects(
    plan(m5TwoNodes, one('cpu_ids: [0, 48], memoryMiB: 512')),
    /node 0 cannot give the processors 0,48/,
  );
  const five = Array.from({ length: 5 }, (_, n) => `  e${n}: { resources: { cpus: 2, memoryMiB: 512 } }`).join('\n');
  await assert.rejects(plan(m5TwoNodes, `enclaves:\n${five}\n`), /at most 4 enclaves, got 5: e0, e1, e2, e3, e4/);
  await assert.rejects(
    plan(m5TwoNodes, one('cpus: 2, memoryMiB: 512', 'backend: sim\n')),
    /must have an enclave for nitro, got none/,
  );
});

test('counts four times an image that is built, and refuses a memory that is below it', async () => {
  const image: FakeMachineParts = { facts: { '/app/a.eif': { kind: 'file', bytes: 300 * 2 ** 20 } } };
  await assert.rejects(
    plan([...c5Xlarge, image], one('cpus: 2, memoryMiB: 1024', 'image: { eif: a.eif }\n')),
    /at least 1200 MiB, four times its image, got 1024/,
  );
  assert.equal((await plan([...c5Xlarge, image], 'name: app\nimage: { eif: a.eif }\n')).memoryMiB, 1280);
});

test('knows the image that up has built of a source', async () => {
  const parts: FakeMachineParts = {
    facts: {
      '/state/built/app': { kind: 'folder' },
      '/state/built/app/1.eif': { kind: 'file', bytes: 300 * 2 ** 20 },
      '/state/built/app/1.eif.json': { kind: 'file', bytes: 900 * 2 ** 20 },
    },
  };
  const { memoryMiB, reasons } = await plan([...c5Xlarge, parts], 'name: app\nimage: ./src\n');
  assert.equal(memoryMiB, 1280);
  assert.doesNotMatch(reasons.join('\n'), /is not built/);
});

test('keeps what runs and is not in the file, and knows its own by their whole names', async () => {
  const running: FakeMachineParts = {
    commands: {
      'nitro-cli describe-enclaves': JSON.stringify([
        { EnclaveName: 'other', EnclaveID: 'i-1-enc1', CPUIDs: [5, 53], MemoryMiB: 256, Flags: 'NONE' },
        { EnclaveName: 'app-0123456789abcdef', EnclaveID: 'i-1-enc2', CPUIDs: [7, 55], MemoryMiB: 512, Flags: 'NONE' },
      ]),
    },
  };
  const { cpuPool, memoryMiB, reasons } = await plan([...m5TwoNodes, running], one('cpus: 2, memoryMiB: 512'));
  assert.deepEqual([cpuPool, memoryMiB], [[1, 5, 49, 53], 768]);
  assert.match(reasons.join('\n'), /other runs and is not in the file/);
  assert.match(reasons.join('\n'), /cannot be restarted before they are stopped/);
});

test('plans again for a parent whose driver has taken processors already', async () => {
  const taken = shapeMachine({ cpus: 8, coreOf: (cpu) => [cpu % 4, (cpu % 4) + 4], pool: [1, 5], memoryMiB: [15_000] });
  const parts = [...c5Xlarge, taken, poolOf('1,5')];
  assert.deepEqual((await plan(parts, one('cpus: 4, memoryMiB: 512'))).cpuPool, [1, 2, 5, 6]);
});

test('takes no processor that is offline and not of the pool: the driver wants it online to learn its node', async () => {
  // Somebody has taken 1 and 5 offline; nothing is in the pool.
  const idle = shapeMachine({ cpus: 8, coreOf: (cpu) => [cpu % 4, (cpu % 4) + 4], pool: [1, 5], memoryMiB: [15_000] });
  const parts = [...c5Xlarge, idle, poolOf('')];
  assert.deepEqual((await plan(parts, one('cpus: 4, memoryMiB: 512'))).cpuPool, [2, 3, 6, 7]);
  await assert.rejects(plan(parts, one('cpu_ids: [1, 5], memoryMiB: 512')), /cannot give the processors 1,5/);
  // With SMT off every second thread is offline for good, and a core is one processor.
  const single = shapeMachine({ cpus: 8, coreOf: (cpu) => [cpu], pool: [4, 5, 6, 7], memoryMiB: [15_000] });
  const off = [...c5Xlarge, single, poolOf('')];
  assert.deepEqual((await plan(off, one('cpus: 3, memoryMiB: 512'))).cpuPool, [1, 2, 3]);
  await assert.rejects(
    plan(off, one('cpus: 4, memoryMiB: 512')),
    /node 0 has 3 processors beside core 0, 4 are asked for/,
  );
});

test('any plan holds: memory for each enclave in any order, whole cores of one node, none more than needed', async () => {
  const enclave = fc.record({ cpus: fc.integer({ min: 1, max: 12 }), memoryMiB: fc.integer({ min: 64, max: 20_000 }) });
  await fc.assert(
    fc.asyncProperty(fc.array(enclave, { minLength: 1, maxLength: 4 }), async (list) => {
      const yaml = JSON.stringify({
        enclaves: Object.fromEntries(list.map((each, n) => [`e${n}`, { resources: each }])),
      });
      const { memoryMiB, cpuPool } = await plan(m5TwoNodes, yaml);
      const whole = list.map(({ cpus }) => cpus + (cpus % 2)).reduce((sum, each) => sum + each, 0);
      assert.equal(cpuPool.length, whole);
      const stock = { sizesMiB: [1024, 2] };
      const needs = list.map((each) => each.memoryMiB);
      for (const order of [needs, needs.toReversed()])
        assert.ok(fitsEach(memoryMiB, order, stock), `${order} in ${memoryMiB}`);
    }),
    { seed: 8, numRuns: 40 },
  );
});

test('a reservation is rounded for pages that two enclaves cannot share', () => {
  const stock = { sizesMiB: [1024, 2] };
  // 3,072 MiB are three pages of 1 GiB, of which two enclaves of 1,536 would need two each.
  assert.deepEqual(splitPages(3072, stock), [3, 0]);
  assert.equal(fitsEach(3072, [1536, 1536], stock), false);
  const found = leastReservation([1536, 1536], stock);
  assert.deepEqual([found > 3072, fitsEach(found, [1536, 1536], stock)], [true, true]);
  assert.equal(leastReservation([1536, 1536], { sizesMiB: [2] }), 3072);
  assert.equal(leastReservation([513], { sizesMiB: [2] }), 514);
});

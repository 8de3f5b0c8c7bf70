// Whole machines: what the doctor says of them, and what it does not say.
import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { test } from 'node:test';
import {
  c5Xlarge,
  container,
  createFakeMachine,
  type FakeMachineParts,
  laptop,
  m5TwoNodes,
} from '@caisson/testkit/machine';
import type { BackendKind } from '../backend/index.ts';
import type { Level } from './check.ts';
import { type Ground, readGround } from './ground.ts';
import { CHECKS, examine, type Finding } from './index.ts';

async function groundOf(
  parts: readonly FakeMachineParts[],
  options: { readonly backend?: BackendKind; readonly wanted?: Ground['wanted'] } = {},
): Promise<Ground> {
  return await readGround({
    machine: createFakeMachine(...parts),
    state: '/home/someone/.local/state/caisson',
    operator: '/home/someone/.config/caisson',
    parts: ['/opt/caisson'],
    records: async () => [],
    file: options.wanted === undefined ? null : 'caisson.yaml',
    fileFault: null,
    wanted: [],
    ...options,
  });
}

const at = (findings: readonly Finding[], level: Level): string[] =>
  findings.filter((one) => one.level === level).map(({ id }) => id);

test('a parent that is set up as the packages leave it has nothing to mend, and can run hardware and simulation', async () => {
  const { findings, verdicts, isFit } = await examine(await groundOf(c5Xlarge));
  assert.deepEqual([at(findings, 'fail'), at(findings, 'warn')], [[], []]);
  assert.deepEqual(
    verdicts.map(({ backend, canRun }) => [backend, canRun]),
    [
      ['sim', true],
      ['qemu', false],
      ['nitro', true],
    ],
  );
  assert.equal(isFit, true);
});

test('on a laptop the absence of Nitro is one sentence, and the absence of QEMU a note', async () => {
  const { findings, verdicts, isFit } = await examine(await groundOf(laptop));
  assert.deepEqual([at(findings, 'fail'), at(findings, 'warn')], [[], []]);
  assert.deepEqual(at(findings, 'note').sort(), ['kvm', 'qemu', 'qemu-vsock']);
  assert.equal(
    findings.some(({ group }) => group === 'nitro'),
    false,
  );
  assert.deepEqual(verdicts.at(-1), {
    backend: 'nitro',
    canRun: false,
    because: ['this machine is no parent of Nitro enclaves'],
  });
  assert.equal(isFit, true);
});

test('the same laptop is not fit for the hardware that somebody asks for: one failure for each cause, none for what follows from it', async () => {
  const { findings, isFit } = await examine(await groundOf(laptop, { backend: 'nitro' }));
  assert.equal(isFit, false);
  assert.deepEqual(at(findings, 'fail'), ['nitro-module', 'nitro-device', 'vsock-device', 'nitro-cli']);
});

test('a parent whose allocator was never told anything is told to plan, by its own name', async () => {
  const { findings, verdicts } = await examine(await groundOf(m5TwoNodes));
  assert.ok(at(findings, 'fail').includes('allocator-file'));
  const missing = findings.find(({ id }) => id === 'allocator-file');
  assert.match(
    missing?.command ?? '',
    /^caisson doctor --plan caisson\.yaml \| sudo tee \/etc\/nitro_enclaves\/allocator\.yaml/,
  );
  assert.equal(verdicts.find(({ backend }) => backend === 'nitro')?.canRun, false);
});

test('in a container the refusals of its engine are named as that, each with the flag that lifts it', async () => {
  const { findings, isFit } = await examine(await groundOf(container));
  const nitro = await examine(await groundOf(container, { backend: 'nitro' }));
  const command = (id: string): string => findings.find((one) => one.id === id)?.command ?? '';
  assert.match(command('seccomp'), /seccomp=unconfined/);
  assert.match(command('vsock-device'), /--device \/dev\/vsock/);
  assert.match(command('nitro-device'), /--device \/dev\/nitro_enclaves/);
  assert.match(command('user-namespaces'), /docker run/);
  assert.deepEqual([isFit, nitro.isFit], [true, false], 'a plain process is a simulation too');
});

test('the rule for container engines allows sockets of AF_VSOCK and nothing else', () => {
  const path = new URL('../../../../docs/seccomp/vsock.json', import.meta.url);
  const { comment, ...rule } = JSON.parse(readFileSync(path, 'utf8'));
  // Given: AF_VSOCK of linux/socket.h, in the form of a profile's `syscalls`.
  const args = [{ index: 0, value: 40, op: 'SCMP_CMP_EQ' }];
  assert.deepEqual(rule, { names: ['socket'], action: 'SCMP_ACT_ALLOW', args });
  assert.match(comment, /AF_VSOCK/);
});

test('every check has an id of its own, says what it looks at and why that matters', () => {
  assert.equal(new Set(CHECKS.map(({ id }) => id)).size, CHECKS.length);
  for (const { id, looksAt, matters } of CHECKS) {
    assert.match(id, /^[a-z][a-z0-9-]+$/);
    assert.match(looksAt, /^\S.{4,}[^.]$/, id);
    assert.match(matters, /^\S.{20,}[^.]$/, id);
  }
});

test('whatever is wrong has one command, on any machine of which any one thing is taken away', async () => {
  let seen = 0;
  for (const machine of [c5Xlarge, m5TwoNodes, laptop, container]) {
    const whole = createFakeMachine(...machine);
    const paths = machine.flatMap((one) => [...Object.keys(one.files ?? {}), ...Object.keys(one.facts ?? {})]);
    // One file of each folder is enough: processors are many and alike.
    const kinds = [...new Map(paths.map((path) => [path.replace(/[0-9]+/g, 'N'), path])).values()];
    for (const path of kinds) {
      const without: FakeMachineParts = { files: { [path]: null }, facts: { [path]: null } };
      const { findings } = await examine(await groundOf([...machine, without], { backend: 'nitro' }));
      assert.equal(
        findings.find(({ found }) => found.startsWith('it could not be looked at')),
        undefined,
      );
      for (const { level, id, command } of findings.filter((one) => one.level === 'fail' || one.level === 'warn')) {
        assert.ok(command !== undefined && command.length > 0, `${id} without ${path}: ${level} and no command`);
        seen += 1;
      }
    }
    assert.equal(whole.platform, 'linux');
  }
  assert.ok(seen > 100, `only ${seen} findings were seen`);
});

test('a check that breaks is one finding, and the others are made', async () => {
  const whole = await groundOf(laptop);
  const machine = { ...whole.machine, space: () => assert.fail('a disk on fire') };
  const { findings } = await examine({ ...whole, machine });
  assert.match(findings.find(({ id }) => id === 'disk')?.found ?? '', /it could not be looked at: a disk on fire/);
  assert.ok(findings.length > 10);
});

test('--only asks the named checks and no other, and refuses what none is called, with the nearest that is', async () => {
  const ground = await groundOf(laptop);
  const { findings, verdicts, isFit } = await examine(ground, { only: ['nitro-cli', 'disk'] });
  assert.deepEqual([...new Set(findings.map(({ id }) => id))], ['nitro-cli', 'disk']);
  assert.deepEqual([verdicts.every(({ canRun }) => canRun === null), isFit], [true, false]);
  await assert.rejects(examine(ground, { only: ['hugepages'] }), {
    code: 'DOCTOR_CHECK',
    hint: 'did you mean huge-pages?',
  });
});

// What an enclave in QEMU needs of this machine.
import { type Check, fail, joinGroup, type Look, note, ok } from '../check.ts';
import type { Ground } from '../ground.ts';
import { describeAnswer } from '../nitro-cli.ts';

const newer = 'less docs/qemu.md   # QEMU 9.2 or newer, built with libcbor';

export const qemuChecks: readonly Check[] = [
  {
    id: 'qemu',
    group: 'qemu',
    looksAt: 'a QEMU that has the machine nitro-enclave',
    matters: 'QEMU boots the very image that hardware would, with its own kernel and registers',
    prevents: ['qemu'],
    look: lookAtQemu,
  },
  {
    id: 'qemu-vsock',
    group: 'qemu',
    looksAt: 'the vsock device of the machine in QEMU',
    matters: 'the usual devices do not carry what a guest says to its parent, CID 3',
    prevents: ['qemu'],
    look: ({ machine, qemu }) => {
      const folders = qemu === undefined ? (machine.env['PATH'] ?? '').split(':') : [qemu];
      const found = folders.map((folder) => `${folder}/vsockd`).find((path) => machine.stat(path) !== undefined);
      if (found !== undefined) return ok(found);
      return fail('no vsockd', 'less docs/qemu.md   # its vsockd; vhost-device-vsock will not do');
    },
  },
  {
    id: 'kvm',
    group: 'qemu',
    looksAt: '/dev/kvm',
    matters: 'without it processors are emulated, which is 5 to 17 times slower',
    prevents: [],
    look: ({ machine }) => {
      if (machine.stat('/dev/kvm') === undefined) return note('no /dev/kvm: processors are emulated');
      return machine.mayUse('/dev/kvm')
        ? ok('/dev/kvm can be used')
        : note('/dev/kvm is not for this user', joinGroup('kvm'));
    },
  },
  {
    id: 'pass-through',
    group: 'qemu',
    looksAt: 'IOMMU groups, which devices are passed through by',
    matters:
      'neither a Nitro enclave nor the machine nitro-enclave takes a device, so there is nothing to bind to VFIO',
    prevents: [],
    look: ({ machine }) => {
      const groups = machine.list('/sys/kernel/iommu_groups').length;
      return ok(groups === 0 ? 'no IOMMU groups, and none are needed' : `${groups} IOMMU groups, and none are needed`);
    },
  },
];

async function lookAtQemu({ machine, qemu }: Ground): Promise<Look> {
  const program = qemu === undefined ? 'qemu-system-x86_64' : `${qemu}/qemu-system-x86_64`;
  if (qemu !== undefined && machine.stat(program) === undefined) {
    return fail(`no qemu-system-x86_64 in ${qemu}`, newer);
  }
  // Its own libraries lie beside it, as the backend has it.
  const libraries =
    qemu === undefined || machine.stat(`${qemu}/lib`) === undefined ? {} : { LD_LIBRARY_PATH: `${qemu}/lib` };
  const said = await machine.run(program, ['-M', 'help'], libraries);
  if (said === undefined) return fail('no qemu-system-x86_64', newer);
  if (said.stdout.includes('nitro-enclave')) return ok(`${program} has the machine nitro-enclave`);
  if (said.exitCode !== 0)
    return fail(`${program} cannot be started: ${describeAnswer(said)}`, `ldd "$(command -v ${program})"`);
  return fail(
    `${program} lacks the machine nitro-enclave: it is built with libcbor only, which those of distributions are not`,
    newer,
  );
}

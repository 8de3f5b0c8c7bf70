// Machines that people have, as their kernels and firmware tell of them.
import type { FakeMachineParts } from './fake-machine.ts';

interface Shape {
  readonly cpus: number;
  /** Node of a processor. */
  readonly nodeOf?: (cpu: number) => number;
  /** All threads of its core. */
  readonly coreOf: (cpu: number) => readonly number[];
  /** Taken by the enclave driver. */
  readonly pool?: readonly number[];
  readonly memoryMiB: readonly number[];
  /** Reserved and free pages of 2 MiB, by node. */
  readonly pages?: readonly (readonly [reserved: number, free: number])[];
  /** Pieces of 2 MiB and more that are free, by node, in MiB. */
  readonly unbrokenMiB?: number;
}

export function shapeMachine(shape: Shape): FakeMachineParts {
  const { cpus, nodeOf = () => 0, coreOf, pool = [], memoryMiB, pages = [], unbrokenMiB = 4096 } = shape;
  const ids = Array.from({ length: cpus }, (_, cpu) => cpu);
  const files: Record<string, string> = {
    '/sys/devices/system/cpu/present': `0-${cpus - 1}\n`,
    '/sys/devices/system/cpu/online': `${ids.filter((cpu) => !pool.includes(cpu)).join(',')}\n`,
    '/proc/meminfo': `MemTotal: ${memoryMiB.reduce((sum, one) => sum + one, 0) * 1024} kB\nMemAvailable: ${4096 * 1024} kB\n`,
    // Orders 0 to 10 of pages of 4 KiB: all that counts is in the last two.
    '/proc/buddyinfo': memoryMiB
      .map((_, node) => `Node ${node}, zone   Normal 9 9 9 9 9 9 9 9 9 0 ${unbrokenMiB / 4}`)
      .join('\n'),
  };
  for (const cpu of ids) {
    const folder = `/sys/devices/system/cpu/cpu${cpu}`;
    files[`${folder}/node${nodeOf(cpu)}/cpulist`] = '';
    // The kernel forgets the core of a processor that is offline.
    if (!pool.includes(cpu)) {
      const siblings = coreOf(cpu).filter((one) => !pool.includes(one));
      files[`${folder}/topology/thread_siblings_list`] = `${siblings.join(',')}\n`;
    }
  }
  for (const [node, total] of memoryMiB.entries()) {
    const folder = `/sys/devices/system/node/node${node}`;
    const [reserved, free] = pages[node] ?? [0, 0];
    files[`${folder}/meminfo`] =
      `Node ${node} MemTotal: ${total * 1024} kB\nNode ${node} MemFree: ${Math.floor(total / 2) * 1024} kB\n`;
    for (const [size, count, left] of [
      [2048, reserved, free],
      [1_048_576, 0, 0],
    ] as const) {
      files[`${folder}/hugepages/hugepages-${size}kB/nr_hugepages`] = `${count}\n`;
      files[`${folder}/hugepages/hugepages-${size}kB/free_hugepages`] = `${left}\n`;
    }
  }
  return { files };
}

const anyLinux: FakeMachineParts = {
  files: {
    '/proc/sys/kernel/osrelease': '6.1.141-165.249.amzn2023.x86_64\n',
    '/proc/self/limits': 'Max open files            65536                524288               files     \n',
    '/proc/sys/net/core/somaxconn': '4096\n',
    '/proc/self/mounts': '/dev/root / ext4 rw 0 0\ntmpfs /tmp tmpfs rw 0 0\n',
    '/proc/1/cgroup': '0::/init.scope\n',
    '/etc/os-release': 'NAME="Amazon Linux"\n',
    ...Object.fromEntries(
      [
        'caisson-sim',
        'caisson-init',
        'caisson-launcher',
        'caisson.node',
        'caisson-enclave.mjs',
        'caisson-enclave-development.mjs',
      ].map((name) => [`/opt/caisson/${name}`, 'x']),
    ),
  },
  commands: {
    '/opt/caisson/caisson-sim --probe': 'room \n',
    'chronyc -c tracking': 'A9FEA97B,169.254.169.123,4,1763.1,-0.000004,0.00001,0.00002,-15,0,0.0,0.0,0.0,16,Normal\n',
  },
};

/** Everything as `dnf install` and the reference's steps leave it: one enclave of 2 processors and 1 GiB would start. */
export const c5Xlarge: readonly FakeMachineParts[] = [
  anyLinux,
  shapeMachine({
    cpus: 4,
    coreOf: (cpu) => [cpu % 2, (cpu % 2) + 2],
    pool: [1, 3],
    memoryMiB: [7743],
    pages: [[512, 512]],
  }),
  {
    gids: [1000, 991],
    files: {
      '/sys/class/dmi/id/sys_vendor': 'Amazon EC2\n',
      '/sys/class/dmi/id/product_name': 'c5.xlarge\n',
      '/sys/module/nitro_enclaves/parameters/ne_cpus': '1,3\n',
      '/sys/module/vmw_vsock_virtio_transport/refcnt': '1\n',
      '/etc/group': 'root:x:0:\nne:x:991:someone\n',
      '/etc/nitro_enclaves/allocator.yaml': '---\n# Enclave configuration file.\nmemory_mib: 1024\ncpu_count: 2\n',
      '/usr/share/nitro_enclaves/blobs/bzImage': 'x',
      '/usr/share/nitro_enclaves/blobs/bzImage.config': '#\n# Linux/x86 6.6.79 Kernel Configuration\n#\n',
      '/usr/share/nitro_enclaves/blobs/cmdline': 'x',
      '/usr/share/nitro_enclaves/blobs/init': 'x',
      '/usr/share/nitro_enclaves/blobs/nsm.ko': 'x',
    },
    facts: {
      '/dev/nitro_enclaves': { kind: 'device', mode: 0o660, gid: 991 },
      '/dev/vsock': { kind: 'device', mode: 0o666 },
      '/run/nitro_enclaves': {},
      '/var/log/nitro_enclaves': {},
    },
    commands: {
      'nitro-cli --version': 'Nitro CLI 1.4.2\n',
      'nitro-cli describe-enclaves': '[]\n',
      'systemctl is-active nitro-enclaves-allocator.service': 'active\n',
      'systemctl is-enabled nitro-enclaves-allocator.service': 'enabled\n',
      'ss --vsock --listening --numeric --no-header --processes': '',
    },
  },
];

/** Two nodes of 48 processors; nothing is allocated yet. */
export const m5TwoNodes: readonly FakeMachineParts[] = [
  ...c5Xlarge,
  shapeMachine({
    cpus: 96,
    nodeOf: (cpu) => (cpu % 48 < 24 ? 0 : 1),
    coreOf: (cpu) => [cpu % 48, (cpu % 48) + 48],
    memoryMiB: [191_000, 191_500],
  }),
  {
    files: {
      '/sys/class/dmi/id/product_name': 'm5.24xlarge\n',
      '/sys/module/nitro_enclaves/parameters/ne_cpus': '\n',
      '/etc/nitro_enclaves/allocator.yaml': null,
    },
  },
];

/** No enclave was ever meant to run here. */
export const laptop: readonly FakeMachineParts[] = [
  anyLinux,
  shapeMachine({ cpus: 8, coreOf: (cpu) => [cpu - (cpu % 2), cpu - (cpu % 2) + 1], memoryMiB: [15_800] }),
  {
    files: {
      '/sys/class/dmi/id/sys_vendor': 'LENOVO\n',
      '/proc/sys/kernel/osrelease': '6.8.0-60-generic\n',
      '/etc/os-release': 'NAME="Ubuntu"\n',
      '/etc/group': 'root:x:0:\n',
    },
  },
];

/** On a parent, by `docker run` without a word about vsock. */
export const container: readonly FakeMachineParts[] = [
  ...c5Xlarge,
  {
    uid: 0,
    files: { '/.dockerenv': '' },
    facts: { '/dev/nitro_enclaves': null, '/dev/vsock': null },
    listening: { vsock: 'EPERM' },
    commands: { '/opt/caisson/caisson-sim --probe': 'chroot user namespace: Operation not permitted\n' },
  },
];

// What a simulated enclave needs of this machine.
import { PART_FILES } from '../../runtime/index.ts';
import { type Check, fail, type Look, note, ok, warn } from '../check.ts';
import { type Ground, nearestFolder } from '../ground.ts';
import { isAtLeast } from '../kernel-version.ts';

const userSwitches = [
  ['/proc/sys/user/max_user_namespaces', '0', 'sudo sysctl -w user.max_user_namespaces=15000'],
  ['/proc/sys/kernel/unprivileged_userns_clone', '0', 'sudo sysctl -w kernel.unprivileged_userns_clone=1'],
  [
    '/proc/sys/kernel/apparmor_restrict_unprivileged_userns',
    '1',
    'sudo sysctl -w kernel.apparmor_restrict_unprivileged_userns=0',
  ],
] as const;
// Chosen: the smallest image of ours with node in it, unpacked.
const leastMemoryMiB = 512;

export const simChecks: readonly Check[] = [
  {
    id: 'sim-parts',
    group: 'sim',
    looksAt: 'the programs that a simulation and a build put together',
    matters: 'they are compiled with caisson, and without them there is no room and no image',
    prevents: ['sim'],
    look: ({ machine, parts }) => {
      const names = ['caisson-sim', ...Object.values(PART_FILES)];
      const missing = names.filter((name) => !parts.some((folder) => machine.stat(`${folder}/${name}`) !== undefined));
      if (missing.length === 0) return ok(`all of ${names.length} parts are there`);
      return fail(`no ${missing.join(', ')}`, 'npm run build   # needs gcc and libc6-dev');
    },
  },
  {
    id: 'user-namespaces',
    group: 'sim',
    looksAt: 'whether this user may make user namespaces, and what a simulated enclave is where he may not',
    matters:
      'in a room it has users, mounts, processes and a network of its own; without one it is a plain process, not isolated at all',
    prevents: ['sim'],
    look: lookAtUsers,
  },
  {
    id: 'mapped-mounts',
    group: 'sim',
    looksAt: 'mounts that show other owners, where root simulates',
    matters:
      'as root each simulated enclave has users of its own, also for the one folder it shares with this machine, or just one',
    prevents: [],
    look: lookAtMounts,
  },
  {
    id: 'sim-memory',
    group: 'sim',
    looksAt: 'memory that is free, and whether it can be bounded',
    matters: 'files of a simulated enclave lie in memory, and its memory is bounded only by a control group of root',
    prevents: [],
    look: ({ machine }) => {
      const available = /^MemAvailable:\s+(\d+) kB$/m.exec(machine.readText('/proc/meminfo') ?? '')?.[1];
      if (available === undefined) return note('free memory cannot be read');
      const freeMiB = Math.floor(Number(available) / 1024);
      if (freeMiB < leastMemoryMiB)
        return warn(
          `${freeMiB} MiB of memory are free, ${leastMemoryMiB} are wise`,
          'ps -eo rss,args --sort -rss | head',
        );
      if (machine.uid !== 0) return ok(`${freeMiB} MiB free; without root memory of processes is not bounded`);
      return ok(`${freeMiB} MiB free`);
    },
  },
];

/** Asked of the program that starts them, by the very steps of a start. */
async function lookAtUsers({ machine, parts }: Ground): Promise<Look> {
  const helper = parts.map((folder) => `${folder}/caisson-sim`).find((path) => machine.stat(path) !== undefined);
  if (helper === undefined) return note('caisson-sim is not here to ask the kernel');
  // Asked without a folder to try it in, because the doctor creates nothing.
  const asked = await machine.run(helper, ['--probe']);
  const [, kind, said = ''] = /^(room|single|chroot|folder) ([^\n]*)\n$/.exec(asked?.stdout ?? '') ?? [];
  if (kind === undefined) return note('caisson-sim does not say; the first start will tell');
  if (kind === 'room') return ok('a simulated enclave is a room of its own');
  const found = userSwitches.find(([path, value]) => machine.readText(path)?.trim() === value);
  const why = found === undefined ? said : `${found[0].replace('/proc/sys/', '').replaceAll('/', '.')} is ${found[1]}`;
  const inside = 'docker run --security-opt seccomp=unconfined --cap-add SYS_ADMIN ...';
  const command = found?.[2] ?? (isContainer(machine) ? inside : 'sudo caisson up   # root may');
  if (kind === 'single') return note(`a simulated enclave is a room of its own with one user: ${said}`, command);
  const is = kind === 'chroot' ? "with its services shut into the image's root" : 'run from a folder';
  const text = `a simulated enclave is a plain process of this machine, not isolated, ${is}: the kernel gives no room (${why})`;
  return machine.env['CAISSON_SIM'] === 'room'
    ? fail(`${text}, and CAISSON_SIM wants one`, command)
    : warn(text, command);
}

export function isContainer({ stat, env, readText }: Ground['machine']): boolean {
  return (
    stat('/.dockerenv') !== undefined ||
    stat('/run/.containerenv') !== undefined ||
    env['container'] !== undefined ||
    /\/(docker|kubepods|containerd|lxc)[/-]/.test(readText('/proc/1/cgroup') ?? '')
  );
}

function lookAtMounts({ machine, kernel, state }: Ground): Look {
  if (machine.uid !== 0) return ok('not needed without root');
  const elsewhere = 'CAISSON_STATE=/var/lib/caisson-state caisson up   # on ext4, xfs or btrfs';
  if (kernel !== undefined && !isAtLeast(kernel, 5, 12)) {
    return warn(`Linux ${kernel.text} has none, 5.12 was the first`, 'su -s /bin/sh nobody   # simulate without root');
  }
  const kind = fileSystemAt(machine.readText('/proc/self/mounts') ?? '', nearestFolder(machine, state));
  if (kind === 'tmpfs' && kernel !== undefined && !isAtLeast(kernel, 6, 3)) {
    return warn(`the state folder ${state} is on tmpfs, which Linux ${kernel.text} cannot show so`, elsewhere);
  }
  if (kind === 'overlay' || kind?.startsWith('nfs') === true || kind?.startsWith('fuse') === true) {
    return warn(`the state folder ${state} is on ${kind}, which may not be shown with other owners`, elsewhere);
  }
  return ok(`the state folder is on ${kind ?? 'a file system that is not told'}`);
}

/** Of the longest mount point that `path` is at or under. */
function fileSystemAt(mounts: string, path: string): string | undefined {
  let best: { point: string; kind: string } | undefined;
  for (const line of mounts.split('\n')) {
    const [, point, kind] = line.split(' ');
    if (point === undefined || kind === undefined) continue;
    const isAbove = point === '/' || path === point || path.startsWith(`${point}/`);
    if (isAbove && point.length >= (best?.point.length ?? 0)) best = { point, kind };
  }
  return best?.kind;
}

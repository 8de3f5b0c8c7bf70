// What every backend stands on: the system, node, the addon, time, room on disks.
import { type Check, fail, type Look, note, ok, warn } from '../check.ts';
import { type Ground, nearestFolder } from '../ground.ts';

// Given: engines of package.json.
const leastNode = [22, 18] as const;
// Chosen: an image with its ramdisks and a log.
const scantMiB = 2_048;
const leastMiB = 64;
const leastFiles = 1_000;
const leastOpenFiles = 4_096;
const leastBacklog = 1_024;
// Chosen: before it, no certificate of this time is valid yet.
const earliestMs = Date.UTC(2025, 0, 1);

export const hostChecks: readonly Check[] = [
  {
    id: 'platform',
    group: 'machine',
    looksAt: 'operating system and architecture',
    matters: 'enclaves are started on Linux; images are built, measured and verified anywhere',
    prevents: ['sim', 'qemu', 'nitro'],
    look: ({ machine: { platform, architecture }, kernel }) => {
      const what = `${platform === 'linux' ? `Linux ${kernel?.text ?? ''}`.trim() : platform} on ${architecture}`;
      if (platform !== 'linux')
        return fail(what, 'caisson exec --via ssh:USER@PARENT NAME -- true   # run enclaves on a Linux machine');
      if (architecture === 'x64') return ok(what);
      return architecture === 'arm64'
        ? note(`${what}: parts for arm64 are built and tested, and were never booted on it`)
        : fail(what, 'uname -m   # x86_64 or aarch64 is needed');
    },
  },
  {
    id: 'node',
    group: 'machine',
    looksAt: 'the version of node that runs caisson',
    matters: 'an older one lacks what TLS sessions and file copies are made of',
    prevents: ['sim', 'qemu', 'nitro'],
    look: ({ machine: { nodeVersion } }) => {
      const [major = 0, minor = 0] = nodeVersion.split('.').map(Number);
      const isEnough = major > leastNode[0] || (major === leastNode[0] && minor >= leastNode[1]);
      if (isEnough) return ok(`node ${nodeVersion}`);
      return fail(
        `node ${nodeVersion}, at least ${leastNode.join('.')} is needed`,
        'npm install   # brings the pinned node; npx caisson uses it',
      );
    },
  },
  {
    id: 'addon',
    group: 'machine',
    looksAt: 'caisson.node, the door to the kernel',
    matters: 'without it there is no AF_VSOCK, and so no word to an enclave on hardware',
    prevents: ['nitro'],
    look: ({ machine: { addonFault } }) =>
      addonFault === null ? ok('caisson.node is loaded') : fail(addonFault, 'npm run build   # needs a C compiler'),
  },
  {
    id: 'clock',
    group: 'machine',
    looksAt: 'whether time is kept by a server, and how far off it is',
    matters: 'documents and configs have a time, and a clock that is off refuses good ones or takes old ones',
    prevents: [],
    look: lookAtClock,
  },
  {
    id: 'disk',
    group: 'machine',
    looksAt: 'room on the disks of the state folder and of temporary files',
    matters: 'a full disk ends a build halfway, and a record that cannot be written stops an enclave',
    prevents: ['sim', 'qemu', 'nitro'],
    look: (ground) => [
      lookAtDisk(ground, 'state folder', ground.state, 'caisson images && caisson image rm NAME:VERSION'),
      lookAtDisk(ground, 'temporary files', ground.machine.env['TMPDIR'] || '/tmp', 'sudo du -xhd1 /tmp | sort -h'),
    ],
  },
  {
    id: 'open-files',
    group: 'machine',
    looksAt: 'how many descriptors a process may have',
    matters: 'each connection through a bridge takes two',
    prevents: [],
    look: ({ machine }) => {
      const soft = /^Max open files +(\d+|unlimited)/m.exec(machine.readText('/proc/self/limits') ?? '')?.[1];
      if (soft === undefined) return note('the limit of open files cannot be read');
      const isEnough = soft === 'unlimited' || Number(soft) >= leastOpenFiles;
      return isEnough
        ? ok(`${soft} open files`)
        : warn(`${soft} open files a process, ${leastOpenFiles} are wise`, 'ulimit -n 65536');
    },
  },
  {
    id: 'backlog',
    group: 'machine',
    looksAt: 'net.core.somaxconn',
    matters:
      'a vsock listener refuses at once when its backlog is full, and the caller cannot tell it from nobody listening',
    prevents: [],
    look: ({ machine }) => {
      const found = Number(machine.readText('/proc/sys/net/core/somaxconn') ?? Number.NaN);
      if (Number.isNaN(found)) return note('net.core.somaxconn cannot be read');
      if (found >= leastBacklog) return ok(`backlog up to ${found}`);
      return warn(
        `backlog up to ${found}, ${leastBacklog} are wise`,
        `sudo sysctl -w net.core.somaxconn=${leastBacklog * 4}`,
      );
    },
  },
];

async function lookAtClock({ machine }: Ground): Promise<Look> {
  const { nowMs } = machine;
  const now = new Date(nowMs).toISOString();
  const start = 'sudo timedatectl set-ntp true';
  if (nowMs < earliestMs) return fail(`the clock says ${now}`, start);
  // CSV of chronyc: the 5th column is the offset of the system clock in seconds, the last how it stands.
  const chrony = await machine.run('chronyc', ['-c', 'tracking']);
  if (chrony?.exitCode === 0) {
    const cells = chrony.stdout.trim().split(',');
    const offsetMs = Math.abs(Number(cells[4] ?? 0)) * 1_000;
    // `Insert second` and `Delete second` are said of a clock that is kept.
    if (cells.at(-1) === 'Not synchronised')
      return warn('chrony has no time to go by', 'sudo systemctl restart chronyd && chronyc waitsync 30');
    return offsetMs > 1_000
      ? warn(`the clock is ${Math.round(offsetMs)} ms off by chrony`, 'sudo chronyc makestep')
      : ok(`kept by chrony, ${offsetMs.toFixed(1)} ms off`);
  }
  if (machine.stat('/run/systemd/timesync/synchronized') !== undefined) return ok('kept by systemd-timesyncd');
  const system = await machine.run('timedatectl', ['show', '--property=NTPSynchronized', '--value']);
  if (system?.exitCode === 0) {
    return system.stdout.trim() === 'yes' ? ok('kept by a time server') : warn('no time server keeps the clock', start);
  }
  return note(`the clock says ${now}; nothing here says whether a server keeps it`, 'date -u   # and compare');
}

function lookAtDisk({ machine }: Ground, what: string, path: string, command: string): Look {
  const folder = nearestFolder(machine, path);
  const space = machine.space(folder);
  if (space === undefined) return note(`room for ${what} at ${folder} cannot be read`);
  const { freeMiB, freeFiles } = space;
  const text = `${what} (${path}): ${freeMiB} MiB free`;
  if (freeMiB < leastMiB) return fail(text, command);
  if (freeFiles !== undefined && freeFiles < leastFiles)
    return fail(`${what} (${path}): room for ${freeFiles} more files`, command);
  return freeMiB < scantMiB ? warn(text, command) : ok(text);
}

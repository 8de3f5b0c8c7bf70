// Whether this machine can have Nitro enclaves at all, and whether this user may: instance, driver, devices, group, AF_VSOCK.
import { type Check, fail, joinGroup, type Look, note, ok, warn } from '../check.ts';
import { type Ground, NITRO_DEVICE } from '../ground.ts';
import { findKernelHazards } from '../kernel-version.ts';
import { packageCommand } from '../package-command.ts';
import { isContainer } from './sim.ts';

// Given: AWS, "Nitro Enclaves: requirements". Types without enclaves; the name of the product is the type on EC2, so nobody has to be asked.
const without = [
  /^(c7i|m7i|r7i)\.(24|48)xlarge$/,
  /^(g4ad|m7i-flex|r7iz|t3|t3a|trn1|trn1n|vt1|u-[^.]+)\./,
  /^[^.]+\.metal(-.+)?$/,
];
const leastCpus = { x64: 4, arm64: 2 } as const;
const newInstance = 'aws ec2 run-instances --enclave-options Enabled=true ...';

export const nitroDoorChecks: readonly Check[] = [
  {
    id: 'instance',
    group: 'nitro',
    looksAt: 'the type of the instance, as the firmware tells it',
    matters: 'not every type can have enclaves, and a small one has no core to spare',
    prevents: [],
    look: lookAtInstance,
  },
  {
    id: 'nitro-module',
    group: 'nitro',
    looksAt: 'the driver nitro_enclaves',
    matters: 'it takes processors and memory from this machine and makes an enclave of them',
    prevents: ['nitro'],
    look: ({ machine, kernel }) => {
      if (machine.stat('/sys/module/nitro_enclaves') !== undefined) return ok('nitro_enclaves is loaded');
      const release = kernel?.text ?? '';
      const has = machine.readText(`/boot/config-${release}`);
      if (has !== undefined && !/^CONFIG_NITRO_ENCLAVES=[ym]$/m.test(has)) {
        return fail(
          `Linux ${release} is built without nitro_enclaves, which 5.10 was the first to have`,
          packageCommand('kernel', machine),
        );
      }
      const extra =
        machine.readText('/etc/os-release')?.includes('ubuntu') === true
          ? 'sudo apt-get install -y linux-modules-extra-aws && '
          : '';
      return fail('nitro_enclaves is not loaded', `${extra}sudo modprobe nitro_enclaves`);
    },
  },
  {
    id: 'nitro-device',
    group: 'nitro',
    looksAt: `${NITRO_DEVICE} and the right to use it`,
    matters: 'enclaves are made through it',
    prevents: ['nitro'],
    look: ({ machine }) => {
      if (machine.stat(NITRO_DEVICE) === undefined) {
        const inside = isContainer(machine) ? `docker run --device ${NITRO_DEVICE} ...` : undefined;
        return fail(
          `no ${NITRO_DEVICE}: the instance was started without enclave options, or without the driver`,
          inside ?? newInstance,
        );
      }
      if (machine.mayUse(NITRO_DEVICE)) return ok(`${NITRO_DEVICE} can be used`);
      return fail(`${NITRO_DEVICE} is not for ${machine.userName}`, joinGroup('ne'));
    },
  },
  {
    id: 'nitro-group',
    group: 'nitro',
    looksAt: 'the group ne',
    matters: 'its members may start enclaves and read what nitro-cli logs',
    prevents: [],
    look: lookAtGroup,
  },
  {
    id: 'vsock-device',
    group: 'nitro',
    looksAt: '/dev/vsock and the right to use it',
    matters: 'everything between this machine and an enclave goes over vsock',
    prevents: ['nitro'],
    look: ({ machine }) => {
      if (machine.stat('/dev/vsock') === undefined) {
        return fail(
          'no /dev/vsock',
          isContainer(machine) ? 'docker run --device /dev/vsock ...' : 'sudo modprobe vmw_vsock_virtio_transport',
        );
      }
      return machine.mayUse('/dev/vsock')
        ? ok('/dev/vsock can be used')
        : warn('/dev/vsock is not for this user', 'sudo chmod 666 /dev/vsock');
    },
  },
  {
    id: 'vsock-modules',
    group: 'nitro',
    looksAt: 'the kernel modules of vsock',
    matters:
      'a parent reaches its enclaves by the virtio transport; vhost_vsock is for virtual machines of its own and not needed',
    prevents: [],
    look: ({ machine }) => {
      const isThere = (name: string): boolean => machine.stat(`/sys/module/${name}`) !== undefined;
      const also = isThere('vhost_vsock') ? '; vhost_vsock is loaded too' : '';
      // A driver that is built in and takes no parameter has no folder.
      if (isThere('vmw_vsock_virtio_transport')) return ok(`vmw_vsock_virtio_transport is loaded${also}`);
      if (!isThere('vsock')) return note('no module of vsock is seen: it may be built in', 'sudo modprobe vsock');
      return warn(
        `vsock is loaded without vmw_vsock_virtio_transport${also}`,
        'sudo modprobe vmw_vsock_virtio_transport',
      );
    },
  },
  {
    id: 'kernel',
    group: 'nitro',
    looksAt: 'known faults of vsock in this version of Linux',
    matters: 'data that is damaged or connections that are reset look like faults of the application',
    prevents: [],
    look: ({ machine, kernel }) => {
      if (kernel === undefined) return note('the version of the kernel cannot be read');
      const found = findKernelHazards(kernel);
      if (found.length === 0) return ok(`Linux ${kernel.text}: no fault of vsock is known of it`);
      return found.map(({ level, what }) => {
        const text = `Linux ${kernel.text}: ${what}`;
        return level === 'warn' ? warn(text, packageCommand('kernel', machine)) : note(text);
      });
    },
  },
  {
    id: 'seccomp',
    group: 'nitro',
    looksAt: 'whether this process may have a vsock socket',
    matters: 'containers refuse AF_VSOCK unless they are told, and enclaves cannot be reached then',
    prevents: ['nitro'],
    look: lookAtSocket,
  },
  {
    id: 'port-9000',
    group: 'nitro',
    looksAt: 'who listens on vsock port 9000 of this machine',
    matters:
      'nitro-cli waits there for the first word of an enclave; whoever holds it stops every boot with E11 or E36',
    prevents: [],
    look: async ({ machine }) => {
      // Never by listening on it: that would break a boot that is just under way.
      const said = await machine.run('ss', ['--vsock', '--listening', '--numeric', '--no-header', '--processes']);
      if (said?.exitCode !== 0) return note('ss cannot list vsock listeners here');
      const line = said.stdout.split('\n').find((one) => /\s\S*:9000\s/.test(one));
      if (line === undefined) return ok('nobody does, and no enclave is booting');
      const holder = /users:\(\("([^"]{1,64})",pid=(\d+)/.exec(line);
      const who = holder === null ? 'a process that is not told' : `${holder[1]} (process ${holder[2]})`;
      return warn(`${who} listens there: a boot under way, or somebody else`, "sudo ss --vsock -lp | grep ':9000'");
    },
  },
];

function lookAtInstance({ machine, cpus }: Ground): Look {
  const vendor = machine.readText('/sys/class/dmi/id/sys_vendor')?.trim() ?? '';
  const type = machine.readText('/sys/class/dmi/id/product_name')?.trim() ?? '';
  if (vendor !== 'Amazon EC2')
    return note(`this is no EC2 instance by its firmware (${vendor === '' ? 'which says nothing' : vendor})`);
  const isSeen = machine.stat(NITRO_DEVICE) !== undefined;
  if (!isSeen && without.some((form) => form.test(type))) {
    return warn(
      `instances of type ${type} have no enclaves`,
      'aws ec2 run-instances --instance-type c5.xlarge --enclave-options Enabled=true ...',
    );
  }
  const least = machine.architecture === 'arm64' ? leastCpus.arm64 : leastCpus.x64;
  const have = cpus.present.length;
  if (have < least) return warn(`${type} has ${have} processors, ${least} are needed`, newInstance);
  return ok(`${type}, ${have} processors`);
}

function lookAtGroup({ machine }: Ground): Look {
  const line = /^ne:[^:]*:(\d+):(.*)$/m.exec(machine.readText('/etc/group') ?? '');
  if (machine.uid === 0) return ok(line === null ? 'root needs no group' : 'root needs no group; ne is there');
  if (line === null)
    return warn(
      'there is no group ne',
      'sudo groupadd -r ne && sudo chown root:ne /dev/nitro_enclaves && sudo chmod 660 /dev/nitro_enclaves',
    );
  if (machine.gids.includes(Number(line[1]))) return ok(`${machine.userName} is in it`);
  const isListed = line[2]?.split(',').includes(machine.userName) === true;
  return isListed
    ? warn(`${machine.userName} is in it, and this session is older`, 'newgrp ne   # or log in again')
    : warn(`${machine.userName} is not in it`, joinGroup('ne'));
}

async function lookAtSocket({ machine }: Ground): Promise<Look> {
  if (machine.addonFault !== null) return note('it cannot be tried without the addon');
  const code = await machine.tryListen({ kind: 'vsock' });
  if (code === null) return ok('AF_VSOCK is allowed');
  if (code === 'EADDRINUSE') return ok('AF_VSOCK is allowed');
  if (code === 'EPERM' || code === 'EACCES') {
    return fail(
      'AF_VSOCK is refused: Docker and containerd do since 2022',
      'docker run --device /dev/vsock --security-opt seccomp=unconfined ...   # docs/doctor.md: vsock alone',
    );
  }
  if (code === 'EAFNOSUPPORT' || code === 'ENODEV') return fail('the kernel has no AF_VSOCK', 'sudo modprobe vsock');
  return warn(`a vsock socket cannot be had here: ${code}`, 'sudo modprobe vmw_vsock_virtio_transport');
}

// What the kernel of an enclave must have, and why: a table, one reason for each row. Faults are what an image does not boot or
// work without; advice is what it is weaker without.
import type { Architecture } from '../runtime/index.ts';

export type KernelProfile = 'minimal' | 'network';

export interface Requirement {
  /** Without CONFIG_. */
  readonly option: string;
  readonly want: 'y' | 'n';
  readonly level: 'fault' | 'advice';
  readonly reason: string;
  /** Only where this profile is asked for. */
  readonly profile?: KernelProfile;
  /** Only for this machine. */
  readonly architecture?: Architecture;
}

type Rest = Pick<Requirement, 'profile' | 'architecture'>;

const must = (reason: string, ...options: string[]): Requirement[] => rows('y', 'fault', reason, options);
const should = (reason: string, ...options: string[]): Requirement[] => rows('y', 'advice', reason, options);
const shouldNot = (reason: string, ...options: string[]): Requirement[] => rows('n', 'advice', reason, options);
const only = (rest: Rest, list: readonly Requirement[]): Requirement[] => list.map((one) => ({ ...one, ...rest }));

// CONFIG_NSM has rules of its own (judge-config.ts): it may be a module, and older kernels have none.
export const REQUIREMENTS: readonly Requirement[] = [
  ...must('programs of an image are 64 bit', '64BIT'),
  ...must('the image is a ramdisk and nothing else', 'BLK_DEV_INITRD'),
  ...must('PID 1 and node are ELF programs', 'BINFMT_ELF'),
  ...must('PID 1 mounts it before anything runs', 'PROC_FS', 'SYSFS', 'TMPFS', 'DEVTMPFS'),
  ...must('node starts with it', 'FUTEX', 'EPOLL', 'EVENTFD', 'SHMEM', 'POSIX_TIMERS', 'FILE_LOCKING'),
  ...must('services run as users of their own', 'MULTIUSER'),
  ...must('PID 1 stops a service with all its children', 'CGROUPS'),
  ...must('services get walls between them', 'NAMESPACES'),
  ...must('bridges inside use loopback and unix sockets', 'NET', 'UNIX', 'INET'),
  ...must('the only way out of an enclave is vsock', 'VSOCKETS', 'VIRTIO_VSOCKETS'),
  ...must('vsock and the NSM are devices on this bus', 'VIRTIO_MMIO'),
  ...only(
    { architecture: 'x86_64' },
    must('the hypervisor names its devices on the command line, and there is no ACPI', 'VIRTIO_MMIO_CMDLINE_DEVICES'),
  ),
  ...must('the NSM is a hardware source of randomness', 'HW_RANDOM'),

  ...only({ profile: 'network' }, [
    ...must('packets to be forwarded come out of a tun device', 'TUN', 'NETDEVICES'),
    ...must('traffic is redirected to a bridge by rules', 'NETFILTER', 'NF_CONNTRACK', 'NF_NAT', 'NF_TABLES'),
    ...must('rules for both families stand in one table', 'NF_TABLES_INET'),
    ...must('a rule redirects to a local port', 'NFT_NAT', 'NFT_REDIR'),
    ...must('a bridge learns where a connection was meant to go', 'NFT_TPROXY', 'NFT_SOCKET'),
    ...must('marked packets take a route of their own', 'IP_ADVANCED_ROUTER', 'IP_MULTIPLE_TABLES'),
    ...should('the same for IPv6', 'IPV6', 'IPV6_MULTIPLE_TABLES'),
    ...should(
      'iptables of an application works too',
      ...['IP_NF_IPTABLES', 'IP_NF_NAT', 'NETFILTER_XT_TARGET_REDIRECT', 'NETFILTER_XT_TARGET_TPROXY'],
    ),
  ]),

  ...should('the console is where the first words and the last are read', 'PRINTK', 'TTY', 'SERIAL_8250_CONSOLE'),
  ...should('a service may be a script', 'BINFMT_SCRIPT'),
  ...should('a service gets a limit of memory and of processes', 'MEMCG', 'CGROUP_PIDS'),
  ...should('a service gets processes and a host name of its own', 'PID_NS', 'UTS_NS', 'IPC_NS', 'NET_NS'),
  ...should('a terminal for exec', 'UNIX98_PTYS'),
  ...should('files are watched', 'INOTIFY_USER'),
  ...should('programs inside may use vsock among themselves', 'VSOCKETS_LOOPBACK'),
  ...should('a service can give up system calls and paths', 'SECCOMP_FILTER', 'SECURITY_LANDLOCK'),
  ...only({ architecture: 'x86_64' }, should('the clock of the hypervisor is read', 'KVM_GUEST')),
  ...should('the kernel moves in memory, and its stack is guarded', 'RANDOMIZE_BASE', 'STACKPROTECTOR_STRONG'),
  ...should('copies to and from programs are bounded', 'HARDENED_USERCOPY', 'FORTIFY_SOURCE'),
  ...should('memory comes empty', 'INIT_ON_ALLOC_DEFAULT_ON'),
  ...should('code is not writable', 'STRICT_KERNEL_RWX'),

  ...shouldNot('code could be loaded that was not measured', 'MODULES'),
  ...shouldNot('another kernel could be started that was not measured', 'KEXEC', 'KEXEC_FILE'),
  ...shouldNot('root could read and write all memory', 'DEVMEM', 'DEVPORT', 'PROC_KCORE'),
  ...shouldNot('the console of the parent could command the kernel', 'MAGIC_SYSRQ'),
  ...shouldNot('faults in it were ways into the kernel', 'IO_URING', 'USERFAULTFD', 'BPF_SYSCALL'),
  ...shouldNot('the inside of the kernel is for debugging', 'DEBUG_FS'),
  ...shouldNot('memory could go to a disk', 'HIBERNATION', 'SWAP'),
  ...shouldNot('an enclave has no such bus; each driver is attack surface', 'PCI'),
];

function rows(want: 'y' | 'n', level: 'fault' | 'advice', reason: string, options: readonly string[]): Requirement[] {
  return options.map((option) => ({ option, want, level, reason }));
}

// E20 to E34, E42, E43: CPUs, memory, and the driver that hands them over.
import type { NitroCodeRow } from './nitro-code.ts';

const allocator = '/etc/nitro_enclaves/allocator.yaml, then: sudo systemctl restart nitro-enclaves-allocator';

export const nitroResourceCodes: readonly NitroCodeRow[] = [
  ['E20', 'InvalidCpuConfiguration', 'a CPU id was given twice', 'give each id once'],
  [
    'E21',
    'NoSuchCpuAvailableInPool',
    'a CPU id is not in the pool of the allocator, or another enclave has it',
    `give ids of /sys/module/nitro_enclaves/parameters/ne_cpus, or change cpu_pool in ${allocator}`,
  ],
  [
    'E22',
    'InsufficientCpus',
    'the pool has fewer free CPUs than were asked for',
    `ask for fewer, end another enclave, or raise cpu_count in ${allocator}`,
  ],
  [
    'E23',
    'MalformedCpuId',
    'the list of CPUs that lscpu prints could not be read',
    'look at what lscpu prints; a changed locale or an old util-linux does this',
  ],
  [
    'E24',
    'CpuError',
    'the list of CPUs of the pool could not be read',
    `put cpu_pool in the form 2,3 or 2-3 in ${allocator}`,
  ],
  [
    'E25',
    'NoSuchHugepageFlag',
    'the parent has huge pages of a size that nitro-cli does not know',
    'reserve pages of 2 MiB or 1 GiB',
  ],
  [
    'E26',
    'InsufficientMemoryRequested',
    'the enclave asks for too little memory: it must have at least 4 times the size of its image',
    'ask for 4 times the size of the image, and at least 64 MiB',
  ],
  [
    'E27',
    'InsufficientMemoryAvailable',
    'fewer huge pages are free than the enclave asks for, or not on one NUMA node',
    `end another enclave, or raise memory_mib in ${allocator}; after long uptime memory is in pieces and only a reboot helps`,
  ],
  [
    'E28',
    'InvalidEnclaveFd',
    'the driver made no enclave: the instance was started without enclaves, or this user may not',
    'start the instance with enclave options enabled, and join the group ne',
  ],
  [
    'E29',
    'IoctlFailure',
    'the driver refused: mostly all enclaves of the instance are taken, or the CID is',
    'end another enclave (an instance has at most 4), or name another CID',
  ],
  [
    'E30',
    'IoctlImageLoadInfoFailure',
    'the driver did not say where the image goes in memory',
    'use a kernel whose nitro_enclaves module fits nitro-cli',
  ],
  [
    'E31',
    'IoctlSetMemoryRegionFailure',
    'the driver refused a piece of memory: not from the NUMA node of the CPUs, or too many pieces',
    'reserve pages of 1 GiB, on the NUMA node of the CPUs',
  ],
  [
    'E32',
    'IoctlAddVcpuFailure',
    'the driver refused a CPU: it is taken, or its sibling thread or its NUMA node is not the same enclave’s',
    'ask for whole cores, an even number of CPUs where the instance has two threads each',
  ],
  [
    'E33',
    'IoctlEnclaveStartFailure',
    'the hypervisor did not start the enclave: CPUs without their siblings, too little memory, or a CID that is taken',
    'ask for whole cores and more memory, and name no CID that another enclave has',
  ],
  [
    'E34',
    'MemoryOverflow',
    'the image does not fit between its place in memory and the end of memory',
    'ask for more memory',
  ],
  [
    'E42',
    'EnclaveMmapError',
    'a huge page could not be had',
    `look at free pages in /proc/meminfo, then raise memory_mib in ${allocator}`,
  ],
  ['E43', 'EnclaveMunmapError', 'memory could not be given back', 'end the process nitro-cli of that enclave'],
];

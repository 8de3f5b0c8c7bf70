// What the allocator has taken from this machine for enclaves, whether that is what its file says, and whether it is of use to anybody.
import { ALLOCATOR_FILE, cpusOf, memoryOf, RESTART_ALLOCATOR } from '../allocator-file.ts';
import { type Check, fail, type Look, note, ok, warn } from '../check.ts';
import { coreOf, formatCpuList } from '../cpu.ts';
import { type Ground, planCommand } from '../ground.ts';
import { freePagesMiB, reservedMiB } from '../node-memory.ts';
import { PARENT_MIB } from '../parent.ts';

const service = 'nitro-enclaves-allocator.service';

export const nitroShareChecks: readonly Check[] = [
  {
    id: 'allocator-service',
    group: 'nitro',
    looksAt: service,
    matters:
      'it gives memory and processors to enclaves at each start of the machine; without it they are gone after a reboot',
    prevents: [],
    look: async ({ machine, nitroCli }) => {
      if (nitroCli === null) return note('it comes with nitro-cli');
      const active = await machine.run('systemctl', ['is-active', service]);
      if (active === undefined) return note('there is no systemctl to ask');
      const state = active.stdout.trim();
      if (state === 'failed') return fail('it has failed', `sudo journalctl -u ${service} -n 20 --no-pager`);
      const isEnabled = (await machine.run('systemctl', ['is-enabled', service]))?.stdout.trim() === 'enabled';
      if (state !== 'active')
        return warn(`it is ${state === '' ? 'not there' : state}`, `sudo systemctl enable --now ${service}`);
      return isEnabled
        ? ok('it has run, and will after a reboot')
        : warn('it has run, and will not after a reboot', `sudo systemctl enable ${service}`);
    },
  },
  {
    id: 'allocator-file',
    group: 'nitro',
    looksAt: `${ALLOCATOR_FILE} against this machine`,
    matters: 'the service takes what it says or nothing at all',
    prevents: [],
    look: lookAtFile,
  },
  {
    id: 'cpu-pool',
    group: 'nitro',
    looksAt: 'processors of the pool: whole cores, one node, none of core 0',
    matters:
      'an enclave has whole cores of one node, because threads of a core can watch each other, and core 0 stays with the parent',
    prevents: ['nitro'],
    look: lookAtPool,
  },
  {
    id: 'huge-pages',
    group: 'nitro',
    looksAt: 'huge pages, by node and size',
    matters: 'the memory of an enclave is huge pages of the node that its processors are of',
    prevents: ['nitro'],
    look: lookAtPages,
  },
  {
    id: 'fragmentation',
    group: 'nitro',
    looksAt: 'whether free memory is still in pieces that a huge page can be made of',
    matters:
      'on a machine that has run for long there is memory and no page of 2 MiB, and the service then fails although enough is free',
    prevents: [],
    look: lookAtFragments,
  },
];

function lookAtFile({ allocator, cpus, nodes, file, nitroCli }: Ground): Look | readonly Look[] {
  if (allocator === null && nitroCli === null) return note('it comes with nitro-cli');
  if (allocator === null)
    return fail(
      `no ${ALLOCATOR_FILE}`,
      `${planCommand({ file })} | sudo tee ${ALLOCATOR_FILE} && ${RESTART_ALLOCATOR}`,
    );
  const { pools, faults } = allocator;
  const edit = `sudoedit ${ALLOCATOR_FILE} && ${RESTART_ALLOCATOR}`;
  if (pools === null) return fail(faults[0] ?? 'it cannot be read', edit);
  const found: Look[] = faults.map((fault) => fail(fault, edit));
  const [memory, wanted] = [memoryOf(pools), cpusOf(pools)];
  const largest = Math.max(...nodes.map(({ totalMiB }) => totalMiB));
  const total = nodes.reduce((sum, { totalMiB }) => sum + totalMiB, 0);
  if (memory > largest) found.push(fail(`memory_mib is ${memory}, and no node has more than ${largest} MiB`, edit));
  else if (memory > total - PARENT_MIB)
    found.push(warn(`memory_mib is ${memory} of ${total} MiB, which leaves the parent ${total - memory}`, edit));
  const spare = cpus.present.length - cpus.threadsPerCore;
  if (wanted > spare)
    found.push(fail(`it wants ${wanted} processors, and ${spare} can be given of ${cpus.present.length}`, edit));
  const half = pools.find(({ cpuCount = 0 }) => cpuCount % cpus.threadsPerCore !== 0);
  if (half !== undefined)
    found.push(fail(`cpu_count ${half.cpuCount} is no number of whole cores of ${cpus.threadsPerCore} threads`, edit));
  for (const { cpuPool } of pools)
    found.push(...poolFaults(cpuPool ?? [], { cpus }).map((fault) => fail(`cpu_pool ${fault}`, edit)));
  if (found.length > 0) return found;
  return ok(`${memory} MiB and ${wanted} processors`);
}

/** By the driver's own rules. */
export function poolFaults(pool: readonly number[], { cpus }: Pick<Ground, 'cpus'>): string[] {
  const faults: string[] = [];
  const strange = pool.filter((cpu) => !cpus.present.includes(cpu));
  if (strange.length > 0) return [`names ${formatCpuList(strange)}, which this machine has not, or has offline`];
  if (pool.length === 0) return [];
  const cores = pool.map((cpu) => coreOf(cpus, cpu)).filter((one) => one !== undefined);
  const nodes = [...new Set(cores.map(({ node }) => node))];
  if (nodes.length > 1)
    faults.push(`has processors of ${nodes.length} nodes (${nodes.join(', ')}), and an enclave has one`);
  const first = coreOf(cpus, 0)?.cpus ?? [0];
  const kept = pool.filter((cpu) => first.includes(cpu));
  if (kept.length > 0) faults.push(`has ${formatCpuList(kept)} of core 0, which stays with the parent`);
  const half = cores.find((core) => core.cpus.some((cpu) => !pool.includes(cpu)));
  if (half !== undefined) {
    const missing = half.cpus.filter((cpu) => !pool.includes(cpu));
    faults.push(
      `has half a core: ${formatCpuList(half.cpus.filter((cpu) => pool.includes(cpu)))} without ${formatCpuList(missing)}`,
    );
  }
  return faults;
}

function lookAtPool({ pool, allocator, cpus, file }: Ground): Look | readonly Look[] {
  // One cause is reported once: a missing driver by the check `nitro-module`.
  if (pool === null) return note('there is no driver to have a pool');
  if (pool.length === 0) {
    const isSet = cpusOf(allocator?.pools ?? []) > 0;
    return fail(
      isSet ? `no processor is in the pool, although ${ALLOCATOR_FILE} names some` : 'no processor is in the pool',
      RESTART_ALLOCATOR,
    );
  }
  const faults = poolFaults(pool, { cpus });
  if (faults.length > 0)
    return faults.map((fault) =>
      fail(`the pool ${fault}`, `${planCommand({ file })} | sudo tee ${ALLOCATOR_FILE} && ${RESTART_ALLOCATOR}`),
    );
  const said = cpusOf(allocator?.pools ?? []);
  if (allocator?.pools !== undefined && allocator.pools !== null && said !== pool.length) {
    return warn(
      `the pool has ${formatCpuList(pool)}, and ${ALLOCATOR_FILE} says ${said} processors`,
      RESTART_ALLOCATOR,
    );
  }
  return ok(`${formatCpuList(pool)}, node ${coreOf(cpus, pool[0] ?? 0)?.node ?? 0}`);
}

function lookAtPages({ nodes, allocator, pool, cpus, nitroCli }: Ground): Look | readonly Look[] {
  const reserved = nodes.reduce((sum, node) => sum + reservedMiB(node), 0);
  const said = memoryOf(allocator?.pools ?? []);
  if (reserved === 0 && nitroCli === null) return note('none are reserved; the allocator comes with nitro-cli');
  if (reserved === 0)
    return fail(
      said > 0 ? `none are reserved, although ${ALLOCATOR_FILE} says ${said} MiB` : 'none are reserved',
      RESTART_ALLOCATOR,
    );
  const text = nodes
    .filter((node) => reservedMiB(node) > 0)
    .map((node) => {
      const sizes = node.pages
        .filter((one) => one.reserved > 0)
        .map((one) => `${one.reserved} of ${one.pageKiB / 1024} MiB`);
      return `node ${node.node}: ${sizes.join(' and ')}, ${freePagesMiB(node)} of ${reservedMiB(node)} MiB free`;
    })
    .join('; ');
  const found: Look[] = [];
  if (reserved < said)
    found.push(
      warn(
        `${reserved} MiB are reserved of the ${said} that ${ALLOCATOR_FILE} says`,
        `echo 1 | sudo tee /proc/sys/vm/compact_memory && ${RESTART_ALLOCATOR}`,
      ),
    );
  const home = pool?.[0] === undefined ? undefined : coreOf(cpus, pool[0])?.node;
  const own = nodes.find(({ node }) => node === home);
  if (own !== undefined && reservedMiB(own) === 0)
    found.push(fail(`${text}; the pool is of node ${home}, which has none`, RESTART_ALLOCATOR));
  return found.length > 0 ? found : ok(text);
}

function lookAtFragments({ nodes, allocator }: Ground): Look {
  const reserved = nodes.reduce((sum, node) => sum + reservedMiB(node), 0);
  const wanting = memoryOf(allocator?.pools ?? []) - reserved;
  const told = nodes.filter(({ unbrokenMiB }) => unbrokenMiB !== undefined);
  if (told.length === 0) return note('the kernel does not tell');
  const best = told.reduce((left, right) => ((left.unbrokenMiB ?? 0) >= (right.unbrokenMiB ?? 0) ? left : right));
  const text = `node ${best.node}: ${best.unbrokenMiB} of ${best.freeMiB} MiB free memory in pieces of 2 MiB and more`;
  if (wanting <= 0 || (best.unbrokenMiB ?? 0) >= wanting) return ok(text);
  return warn(
    `${text}, ${wanting} MiB are still wanted`,
    `echo 1 | sudo tee /proc/sys/vm/compact_memory && ${RESTART_ALLOCATOR}   # or reboot`,
  );
}

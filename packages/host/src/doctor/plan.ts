// An allocator.yaml for a caisson.yaml on this machine: memory and processors of one node, whole cores, never core 0, as few as are needed, each
// number with its reason. What cannot be given is refused with the numbers. Nothing is written: a parent's allocator is changed by its owner.
import { LimitError } from '@caisson/core/errors';
import { leastMemory } from '../compose/index.ts';
import { ALLOCATOR_FILE, RESTART_ALLOCATOR } from './allocator-file.ts';
import { count } from './check.ts';
import { type Core, coreOf, formatCpuList } from './cpu.ts';
import type { DoctorErrorCode } from './error-code.ts';
import type { Ground } from './ground.ts';
import type { NodeMemory } from './node-memory.ts';
import { leastReservation } from './page-fit.ts';
import { MAX_ENCLAVES, PARENT_MIB } from './parent.ts';
import { cpuCount, onNitro } from './wanted.ts';

export interface AllocatorPlan {
  readonly memoryMiB: number;
  readonly cpuPool: readonly number[];
  readonly node: number;
  /** The file. */
  readonly text: string;
  /** Why each number is what it is, and what to know before it is put in place. */
  readonly reasons: readonly string[];
  /** Puts it in place; `file` is that of the enclaves. */
  readonly command: string;
}

interface Need {
  readonly name: string;
  readonly memoryMiB: number;
  readonly cpus: number;
  readonly ids: readonly number[];
}

/** `file` for the command. Throws LimitError DOCTOR_PLAN. */
export function planAllocator(ground: Ground, file: string): AllocatorPlan {
  const reasons: string[] = [];
  const needs = [...needsOfFile(ground, reasons), ...needsOfRunning(ground, reasons)];
  if (needs.length === 0)
    throw refuse(`${file} must have an enclave for nitro, got none`, 'its enclaves have another backend');
  if (needs.length > MAX_ENCLAVES) {
    throw refuse(
      `a parent has at most ${MAX_ENCLAVES} enclaves, got ${needs.length}: ${needs.map(({ name }) => name).join(', ')}`,
      'put some of them on another instance',
    );
  }
  const fits = ground.nodes.map((node) => fitNode(ground, node, needs));
  const found = fits.find((one) => 'cores' in one);
  if (found === undefined || !('cores' in found)) {
    throw refuse(
      `no node of this machine holds ${needs.map(({ name }) => name).join(', ')}: ${fits.map((one) => ('why' in one ? one.why : '')).join('; ')}`,
      'ask for less in resources, or take a larger instance',
    );
  }
  const cpuPool = found.cores.flatMap(({ cpus }) => cpus).sort((left, right) => left - right);
  const asked = needs.reduce((sum, { memoryMiB }) => sum + memoryMiB, 0);
  reasons.push(
    `memory_mib ${found.memoryMiB}: ${needs.map(({ name, memoryMiB }) => `${name} ${memoryMiB}`).join(' + ')}${found.memoryMiB === asked ? '' : `, and ${found.memoryMiB - asked} because each enclave has pages of its own`}`,
    `cpu_pool ${formatCpuList(cpuPool)}: ${found.cores.length} whole ${found.cores.length === 1 ? 'core' : 'cores'} of node ${found.node.node}, without core 0 (${formatCpuList(coreOf(ground.cpus, 0)?.cpus ?? [0])}), which stays with the parent`,
  );
  const names = needs.map(({ name }) => name).join(', ');
  const text = `---\n# For ${names}; proposed by caisson doctor --plan.\nmemory_mib: ${found.memoryMiB}\ncpu_pool: ${formatCpuList(cpuPool)}\n`;
  if ((ground.nitroCli?.enclaves?.length ?? 0) > 0) {
    reasons.push('enclaves run: the service cannot be restarted before they are stopped');
  }
  return {
    memoryMiB: found.memoryMiB,
    cpuPool,
    node: found.node.node,
    text,
    reasons,
    command: `caisson doctor --plan ${file} | sudo tee ${ALLOCATOR_FILE} && ${RESTART_ALLOCATOR}`,
  };
}

function needsOfFile({ wanted, cpus: { threadsPerCore } }: Ground, reasons: string[]): Need[] {
  return onNitro(wanted).map(({ name, cpus, memoryMiB, image, isStandard }) => {
    const least = image === null ? 0 : leastMemory(image.bytes);
    if (image === null) reasons.push(`${name}: its image is not built; nitro-cli wants four times its size as memory`);
    if (memoryMiB < least && !isStandard.memory) {
      throw refuse(
        `enclave ${name} must have at least ${least} MiB, four times its image, got ${memoryMiB} MiB`,
        `write memoryMiB: ${least}`,
      );
    }
    const standard = [isStandard.memory ? 'memory' : '', isStandard.cpus ? 'processors' : ''].filter(
      (one) => one !== '',
    );
    if (standard.length > 0)
      reasons.push(`${name}: the file does not say its ${standard.join(' and ')}, and the standard is counted`);
    const asked = cpuCount(cpus);
    const whole = Math.ceil(asked / threadsPerCore) * threadsPerCore;
    if (whole !== asked)
      reasons.push(
        `${name}: write cpus: ${whole} for its ${asked}, because an enclave has whole cores of ${threadsPerCore} threads here`,
      );
    return { name, memoryMiB: Math.max(memoryMiB, least), cpus: whole, ids: 'ids' in cpus ? cpus.ids : [] };
  });
}

/** Enclaves that run and are not in the file keep what they have: a plan without them would take it away at the next reboot. */
function needsOfRunning({ nitroCli, wanted }: Ground, reasons: string[]): Need[] {
  // A launch of ours is called NAME and 64 random bits.
  const isOfFile = (name: string): boolean =>
    wanted.some(
      (one) =>
        name === one.name ||
        (name.startsWith(`${one.name}-`) && /^[0-9a-f]{16}$/.test(name.slice(one.name.length + 1))),
    );
  return (nitroCli?.enclaves ?? [])
    .filter(({ name }) => !isOfFile(name))
    .map(({ name, memoryMiB, cpuIds }) => {
      reasons.push(
        `${name} runs and is not in the file: ${memoryMiB} MiB and the processors ${formatCpuList(cpuIds)} are kept for it`,
      );
      return { name, memoryMiB, cpus: cpuIds.length, ids: cpuIds };
    });
}

type NodeFit =
  | { readonly node: NodeMemory; readonly cores: readonly Core[]; readonly memoryMiB: number }
  | { readonly why: string };

function fitNode({ cpus, nodes }: Ground, node: NodeMemory, needs: readonly Need[]): NodeFit {
  const first = coreOf(cpus, 0);
  const free = cpus.cores.filter(
    (core) => core.node === node.node && core !== first && core.cpus.length === cpus.threadsPerCore,
  );
  const named = needs.flatMap(({ ids }) => ids);
  const strange = named.filter((id) => !free.some((core) => core.cpus.includes(id)));
  if (strange.length > 0) return { why: `node ${node.node} cannot give the processors ${formatCpuList(strange)}` };
  const cores = free.filter((core) => core.cpus.some((id) => named.includes(id)));
  const wanted = needs.reduce((sum, { cpus: own }) => sum + own, 0);
  for (const core of free) {
    if (cores.length * cpus.threadsPerCore >= wanted) break;
    if (!cores.includes(core)) cores.push(core);
  }
  const have = free.length * cpus.threadsPerCore;
  if (cores.length * cpus.threadsPerCore < wanted)
    return { why: `node ${node.node} has ${count(have, 'processor')} beside core 0, ${wanted} are asked for` };
  const sizesMiB = node.pages.map(({ pageKiB }) => pageKiB / 1024);
  const memoryMiB = leastReservation(
    needs.map((one) => one.memoryMiB),
    { sizesMiB: sizesMiB.length === 0 ? [2] : sizesMiB },
  );
  const elsewhere = nodes.some((one) => one !== node && one.totalMiB >= PARENT_MIB);
  const givable = node.totalMiB - (elsewhere ? 0 : PARENT_MIB);
  if (memoryMiB > givable)
    return {
      why: `node ${node.node} has ${Math.max(0, givable)} MiB to give of ${node.totalMiB}, ${memoryMiB} are asked for`,
    };
  return { node, cores, memoryMiB };
}

function refuse(message: string, hint: string): LimitError<DoctorErrorCode> {
  return new LimitError('DOCTOR_PLAN', message, { hint });
}

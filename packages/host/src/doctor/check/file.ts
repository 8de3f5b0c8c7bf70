// A caisson.yaml against this machine: would its enclaves fit, and are their ports free.
import { isSameListener } from '../../compose/ingress-rule.ts';
import { type Check, count, fail, type Look, ok, warn } from '../check.ts';
import { formatCpuList } from '../cpu.ts';
import { type Ground, planCommand } from '../ground.ts';
import { freePagesMiB } from '../node-memory.ts';
import { cpuCount, onNitro, type WantedEnclave } from '../wanted.ts';

export const fileChecks: readonly Check[] = [
  {
    id: 'file',
    group: 'file',
    looksAt: 'the caisson.yaml that was named, or the one of this folder',
    matters: 'what cannot be read cannot be started',
    prevents: [],
    look: ({ file, fileFault, wanted }) => {
      if (file === null) return ok('there is none here');
      if (fileFault !== null) return fail(fileFault, `caisson compose check -f ${file}`);
      return ok(`${file}: ${wanted.map(({ name }) => name).join(', ')}`);
    },
  },
  {
    id: 'capacity',
    group: 'file',
    looksAt: 'what the enclaves ask for against what is free for enclaves',
    matters: 'an enclave starts whole or not at all',
    prevents: [],
    look: lookAtCapacity,
  },
  {
    id: 'ports',
    group: 'file',
    looksAt: 'host ports of ingress',
    matters: 'a port that somebody else has stops the start of the enclave',
    prevents: [],
    look: lookAtPorts,
  },
];

function lookAtCapacity({
  isParent,
  machine,
  file,
  wanted,
  nodes,
  pool,
  nitroCli,
  records,
}: Ground): Look | readonly Look[] {
  const up = new Set(
    records.filter(({ state }) => state !== undefined && state.pids.length > 0).map(({ name }) => name),
  );
  const asked = wanted.filter(({ name }) => !up.has(name));
  if (asked.length === 0) return ok('all of them run already, or there is none');
  const memory = asked.reduce((sum, one) => sum + one.memoryMiB, 0);
  const cpus = asked.reduce((sum, one) => sum + cpuCount(one.cpus), 0);
  const text = `${count(asked.length, 'enclave')}, ${memory} MiB, ${count(cpus, 'processor')}`;
  const nitro = onNitro(asked);
  if (!isParent || nitro.length === 0) {
    const free = Math.floor(
      Number(/^MemAvailable:\s+(\d+) kB$/m.exec(machine.readText('/proc/meminfo') ?? '')?.[1] ?? 0) / 1024,
    );
    return free >= memory
      ? ok(`${text}; ${free} MiB are free here`)
      : fail(`${text}; ${free} MiB are free here`, 'caisson down   # or ask for less in resources.memoryMiB');
  }
  const free = Math.max(0, ...nodes.map(freePagesMiB));
  const taken = nitroCli?.enclaves?.flatMap(({ cpuIds }) => cpuIds) ?? [];
  const spare = (pool ?? []).filter((id) => !taken.includes(id));
  const need = { memory: sum(nitro, (one) => one.memoryMiB), cpus: sum(nitro, (one) => cpuCount(one.cpus)) };
  const plan = planCommand({ file });
  const found: Look[] = [];
  if (need.memory > free) found.push(fail(`${need.memory} MiB of huge pages are asked for, ${free} are free`, plan));
  if (need.cpus > spare.length)
    found.push(
      fail(
        `${need.cpus} processors are asked for, free are ${spare.length === 0 ? 'none' : formatCpuList(spare)}`,
        plan,
      ),
    );
  for (const { name, cpus: choice } of nitro) {
    const wanting = 'ids' in choice ? choice.ids.filter((id) => !spare.includes(id)) : [];
    if (wanting.length > 0)
      found.push(fail(`${name} names the processors ${formatCpuList(wanting)}, which are not free in the pool`, plan));
  }
  return found.length > 0 ? found : ok(`${text}; ${free} MiB and the processors ${formatCpuList(spare)} are free`);
}

const sum = (list: readonly WantedEnclave[], of: (one: WantedEnclave) => number): number =>
  list.reduce((total, one) => total + of(one), 0);

async function lookAtPorts({ machine, wanted, records }: Ground): Promise<Look | readonly Look[]> {
  const found: Look[] = [];
  let free = 0;
  for (const { name, ingress } of wanted) {
    for (const rule of ingress) {
      const { hostAddress: address, hostPort: port } = rule;
      const where = `${address}:${port}`;
      const code = await machine.tryListen({ kind: 'tcp', address, port });
      if (code === null) free += 1;
      else if (code === 'EACCES')
        found.push(fail(`${name}: ${where} is for root`, `sudo sysctl -w net.ipv4.ip_unprivileged_port_start=${port}`));
      else if (code === 'EADDRNOTAVAIL')
        found.push(fail(`${name}: ${address} is no address of this machine`, 'ip -brief address'));
      else if (code === 'EADDRINUSE') {
        const holder = records.find(
          ({ spec, state }) =>
            state !== undefined &&
            state.pids.length > 0 &&
            spec?.ingress.some((one) => isSameListener(one, rule)) === true,
        );
        if (holder?.name === name) free += 1;
        else
          found.push(
            fail(
              `${name}: ${where} is taken by ${holder === undefined ? await holderOf(machine, port) : `enclave ${holder.name}`}`,
              holder === undefined ? `sudo ss -ltnp 'sport = :${port}'` : `caisson stop ${holder.name}`,
            ),
          );
      } else found.push(warn(`${name}: ${where} cannot be listened on: ${code}`, 'ip -brief address'));
    }
  }
  return found.length > 0
    ? found
    : ok(free === 0 ? 'none is asked for' : `${count(free, 'port')} free, or held by the enclave itself`);
}

async function holderOf(machine: Ground['machine'], port: number): Promise<string> {
  const said = await machine.run('ss', ['-H', '-l', '-t', '-n', '-p', `sport = :${port}`]);
  const [, name, pid] = /users:\(\("([^"]{1,64})",pid=(\d+)/.exec(said?.stdout ?? '') ?? [];
  return name === undefined ? 'a process that is not told' : `${name} (process ${pid})`;
}

// A backend whose enclaves outlive their starter, as those of hardware do: each is a process that sleeps under a name of its own. Which they are
// stands in `lasting/`, written before they start, so that a starter that is killed in between leaves a name and never a stranger.
import { spawn } from 'node:child_process';
import { randomBytes } from 'node:crypto';
import { mkdirSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { setTimeout as pause } from 'node:timers/promises';
import { CID_PARENT, toCid } from '@caisson/core/address';
import { type Backend, ConsoleRing, claimCid, type EnclaveSpec, type RunningEnclave } from '@caisson/host/backend';
import { createFabricTransport } from '@caisson/link/transport';

const cidForm = /^(.+)-([0-9]+)-[0-9a-f]{12}$/;

/** Pids of processes that bear one of the names in `lasting/` and this beginning. */
export function lastingEnclaves(folder: string, name: string): number[] {
  const names = new Set(readdirSync(join(folder, 'lasting')).filter((one) => one.startsWith(`${name}-`)));
  return readdirSync('/proc').flatMap((pid) => {
    try {
      const [first = ''] = readFileSync(`/proc/${pid}/cmdline`, 'latin1').split('\0');
      return names.has(first) && !/^State:\tZ/m.test(readFileSync(`/proc/${pid}/status`, 'latin1'))
        ? [Number(pid)]
        : [];
    } catch {
      return [];
    }
  });
}

export function createLastingBackend(folder: string): Backend {
  const directory = join(folder, 'fabric');
  for (const path of [join(directory, '3'), join(folder, 'lasting')]) mkdirSync(path, { recursive: true, mode: 0o700 });
  const placeOf = (cid: number) => ({
    cid: toCid(cid),
    transport: createFabricTransport({ directory, localCid: CID_PARENT, hostWide: true }),
    vsock: `fabric:${directory}`,
  });
  const keep = async (spec: EnclaveSpec, enclave: string, cid: number, pid: number): Promise<RunningEnclave> => {
    const claim = await claimCid(folder, { name: spec.name, cid }).catch(() => undefined);
    let byHost = false;
    const ended = (async () => {
      while (lastingEnclaves(folder, spec.name).includes(pid)) await pause(5);
      rmSync(join(folder, 'lasting', enclave), { force: true });
      await claim?.release();
      return { kind: 'died', byHost } as const;
    })();
    const kill = async () => {
      byHost = true;
      process.kill(pid, 'SIGKILL');
      return await ended;
    };
    return {
      ...placeOf(cid),
      name: spec.name,
      backend: 'sim',
      pids: [pid],
      bootMs: 1,
      console: new ConsoleRing(),
      measurements: spec.measurements ?? { PCR0: '', PCR1: '', PCR2: '' },
      documents: { kind: 'unsigned' },
      departures: [],
      ended,
      kill,
      stop: kill,
    };
  };
  const endLeft = async (name: string): Promise<number> => {
    const left = lastingEnclaves(folder, name);
    for (const pid of left) process.kill(pid, 'SIGKILL');
    while (lastingEnclaves(folder, name).length > 0) await pause(5);
    for (const one of readdirSync(join(folder, 'lasting'))) {
      if (one.startsWith(`${name}-`)) rmSync(join(folder, 'lasting', one));
    }
    return left.length;
  };
  return {
    kind: 'sim',
    capabilities: { stopsInOrder: false, consoleAlways: true, memory: 'files', cpuIds: false, users: false },
    findMissing: async () => [],
    describeDifferences: () => [],
    endLeft,
    async adopt(spec) {
      const [pid] = lastingEnclaves(folder, spec.name);
      if (pid === undefined) return undefined;
      const [enclave = ''] = readFileSync(`/proc/${pid}/cmdline`, 'latin1').split('\0');
      return await keep(spec, enclave, Number(cidForm.exec(enclave)?.[2]), pid);
    },
    async start(spec) {
      await endLeft(spec.name);
      const claim = await claimCid(folder, { name: spec.name, cid: spec.cid });
      await claim.release();
      await spec.onPlace?.(placeOf(claim.cid));
      spec.onBoot?.();
      const enclave = `${spec.name}-${claim.cid}-${randomBytes(6).toString('hex')}`;
      writeFileSync(join(folder, 'lasting', enclave), '');
      const child = spawn('sleep', ['1000000'], { argv0: enclave, detached: true, stdio: 'ignore' });
      child.unref();
      return await keep(spec, enclave, claim.cid, child.pid ?? 0);
    },
  };
}

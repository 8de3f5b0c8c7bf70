// From a process id to the service it belongs to: up the line of parents until one is a service's own process. Whoever has left that line
// (a daemon that forked twice) belongs to none and may extend nothing: rights are lost by this, never won.
import { open } from 'node:fs/promises';
import type { MeasuredService } from '@caisson/core/measured';
import { libraryFieldLimitBytes, lineFieldLimitBytes, type NsmCaller, type PeerCredentials } from './caller.ts';

export interface FindCallerOptions {
  /** The measured services, whose `nsmPcrs` are the rights. */
  readonly services: readonly Pick<MeasuredService, 'name' | 'nsmPcrs'>[];
  /** The service whose main process has this id now. */
  serviceOf(pid: number): string | undefined;
  /** Default /proc. */
  readonly proc?: string;
  /** Where the enclave's `/` is, for those who see it as another; default there. */
  readonly root?: string;
}

// Chosen.
const maxAncestors = 64;
const maxFileBytes = 4_096;
/** The enclave program, whose `nsm` verb has limits of its own. */
const program = '/usr/lib/caisson/caisson-enclave.mjs';

export function createCallerFinder(options: FindCallerOptions): (peer: PeerCredentials) => Promise<NsmCaller> {
  const { services, proc = '/proc', root = '' } = options;
  const rights = new Map(services.map(({ name, nsmPcrs }) => [name, nsmPcrs]));
  return async ({ pid, uid }) => {
    const service = await findService(pid, proc, options.serviceOf);
    const words = (await readProc(`${proc}/${pid}/cmdline`)).split('\0');
    const at = words.findIndex((word) => word === program || word === `${root}${program}`);
    return {
      pid,
      uid,
      service: service ?? null,
      pcrs: (service === undefined ? undefined : rights.get(service)) ?? [],
      // Anybody can write such a command line; all it gives is fields twice as long.
      fieldLimitBytes: at >= 0 && words[at + 1] === 'nsm' ? lineFieldLimitBytes : libraryFieldLimitBytes,
    };
  };
}

async function findService(
  pid: number,
  proc: string,
  serviceOf: (pid: number) => string | undefined,
): Promise<string | undefined> {
  let current = pid;
  for (let count = 0; count < maxAncestors && current > 1; count += 1) {
    const service = serviceOf(current);
    if (service !== undefined) return service;
    current = parentIn(await readProc(`${proc}/${current}/stat`));
  }
  return undefined;
}

/** The fourth field of proc_pid_stat(5); the second is a name in brackets that may hold anything, brackets too. 0 for no such process. */
function parentIn(stat: string): number {
  const [, parent] = /^ \S ([0-9]+) /.exec(stat.slice(stat.lastIndexOf(')') + 1)) ?? [];
  return Number(parent ?? 0);
}

async function readProc(path: string): Promise<string> {
  const file = await open(path, 'r').catch(() => undefined);
  if (file === undefined) return '';
  try {
    const { buffer, bytesRead } = await file.read(Buffer.alloc(maxFileBytes), 0, maxFileBytes, null);
    return buffer.toString('latin1', 0, bytesRead);
  } catch {
    // The process ended between the two calls.
    return '';
  } finally {
    await file.close();
  }
}

// The half of the control that is about processes: those of the enclave as /proc has them, and loose ones, which are started from here and are
// no service's. A pid is a number that anybody may say, so it is looked up before anything is done to it.
import { isForbiddenVariable } from '@caisson/core/config';
import type { Control, ProcessCommand, ProcessView } from '@caisson/link/init';
import type { ProcessHost, ProcessRequest } from '@caisson/sys';
import { refused } from './error-code.ts';
import { LOOSE_PREFIX } from './process-desk.ts';
import { onlyFamily, type ProcessReading, readProcess, readProcesses } from './process-list.ts';
import type { ServiceEntry } from './service-entry.ts';
import { processOf } from './service-state.ts';
import type { Supervisor } from './supervisor.ts';

export interface ProcessControlOptions {
  readonly supervisor: Supervisor;
  readonly host: ProcessHost;
  /** Names that a started process may be given; null: all but the forbidden ones (a development image). */
  readonly allowedVariables: readonly string[] | null;
  /** The enclave's first process, where it is not 1 and other processes are the machine's. */
  readonly firstPid?: number | undefined;
  /** Default `process.kill`. */
  readonly kill?: (pid: number, signal: number) => void;
}

const sigterm = 15;

export class ProcessControl {
  readonly #options: ProcessControlOptions;
  readonly #restartService: Control['restartService'];
  readonly #loose = new Map<number, ProcessCommand>();
  #looseCount = 0;

  constructor(options: ProcessControlOptions, restartService: Control['restartService']) {
    this.#options = options;
    this.#restartService = restartService;
  }

  async list(): Promise<readonly ProcessView[]> {
    return (await this.#readings()).map((reading) => this.#view(reading));
  }

  async find(pid: number): Promise<ProcessView> {
    const reading = Number.isInteger(pid) && pid > 0 ? await this.#read(pid) : undefined;
    if (reading === undefined) throw refused('INIT_PROCESS_UNKNOWN', `process ${pid} does not run`);
    return this.#view(reading);
  }

  async start(command: ProcessCommand): Promise<number> {
    const { supervisor, host, allowedVariables } = this.#options;
    if (supervisor.set.isClosing) throw refused('INIT_STOPPING', 'no process can be started: the enclave is stopping');
    this.#looseCount += 1;
    // The pid keeps the name apart from those that an earlier supervisor of this boot gave.
    const name = `${LOOSE_PREFIX}${process.pid}-${this.#looseCount}`;
    const { pid } = await host.start(toLooseRequest(name, command, allowedVariables));
    this.#loose.set(pid, command);
    return pid;
  }

  async signal(pid: number, number: number): Promise<void> {
    const { firstPid = 1, kill = (target, signal) => void process.kill(target, signal) } = this.#options;
    await this.find(pid);
    if (pid === firstPid || pid === process.pid) {
      throw refused('INIT_PROCESS_FOREIGN', `process ${pid} is the enclave's own and takes no signals from here`);
    }
    kill(pid, number);
  }

  async stop(pid: number): Promise<void> {
    await this.signal(pid, sigterm);
  }

  async restart(pid: number): Promise<number> {
    const { serviceName } = await this.find(pid);
    if (serviceName !== null) {
      await this.#restartService(serviceName);
      const entry = this.#options.supervisor.set.entries.get(serviceName);
      return (entry && processOf(entry.state)?.pid) ?? pid;
    }
    const command = this.#loose.get(pid);
    if (command === undefined) throw refused('INIT_PROCESS_FOREIGN', `process ${pid} was not started from here`);
    await this.stop(pid);
    this.#loose.delete(pid);
    return await this.start(command);
  }

  async #readings(): Promise<readonly ProcessReading[]> {
    const { firstPid } = this.#options;
    const all = await readProcesses();
    return firstPid === undefined ? all : onlyFamily(all, firstPid);
  }

  async #read(pid: number): Promise<ProcessReading | undefined> {
    if (this.#options.firstPid === undefined) return await readProcess(pid);
    return (await this.#readings()).find((one) => one.pid === pid);
  }

  #view({ session, ...reading }: ProcessReading): ProcessView {
    const isOwner = ({ state }: ServiceEntry): boolean => processOf(state)?.pid === session;
    const owner = [...this.#options.supervisor.set.entries.values()].find(isOwner);
    return { ...reading, managed: owner !== undefined, serviceName: owner?.service.name ?? null };
  }
}

/** Its words go nowhere: it belongs to no service, and the console is the parent's to read. */
function toLooseRequest(
  name: string,
  { command, args, env }: ProcessCommand,
  allowed: readonly string[] | null,
): ProcessRequest {
  const variables = env.map((line) => {
    const [key = ''] = line.split('=', 1);
    const isAllowed = line.includes('=') && key !== '' && (allowed?.includes(key) ?? !isForbiddenVariable(key));
    if (!isAllowed)
      throw refused(
        'INIT_PROCESS_ENVIRONMENT',
        `variable ${JSON.stringify(key.slice(0, 80))} is not one that the image allows`,
      );
    return [key, line.slice(key.length + 1)] as const;
  });
  return {
    name,
    argv: [command, ...args],
    env: Object.fromEntries(variables),
    cwd: '/',
    uid: 0,
    gid: 0,
    umask: 0o022,
    limitNofile: null,
    noNewPrivileges: true,
    oomScoreAdjust: null,
    cgroup: null,
    streams: { stdin: null, stdout: null, stderr: null },
  };
}

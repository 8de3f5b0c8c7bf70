// What may be asked of this supervisor (link/init), answered. Services and processes; nothing here believes a name or a pid that it has not
// found itself.
import { isForbiddenVariable } from '@caisson/core/config';
import { CaissonError } from '@caisson/core/errors';
import type { MeasuredService } from '@caisson/core/measured';
import type { Control, ProcessCommand, ProcessView } from '@caisson/link/init';
import type { ProcessHost, ProcessRequest } from '@caisson/sys';
import type { Clock } from './clock.ts';
import type { InitErrorCode } from './error-code.ts';
import { describeFault } from './health.ts';
import { LOOSE_PREFIX } from './process-desk.ts';
import { onlyFamily, type ProcessReading, readProcess, readProcesses } from './process-list.ts';
import { type ServiceEntry, viewOf } from './service-entry.ts';
import { isActive, processOf } from './service-state.ts';
import type { Supervisor } from './supervisor.ts';

export interface ControlOptions {
  readonly supervisor: Supervisor;
  readonly host: ProcessHost;
  readonly clock: Clock;
  readonly bootId: string;
  readonly logDir: string;
  /** Clock time at which the enclave began. */
  readonly startedMs: number;
  /** Names that a started process may be given; null: all but the forbidden ones (a development image). */
  readonly allowedVariables: readonly string[] | null;
  /** The measured services, read again. Rejects with their fault. */
  readServices(): Promise<readonly MeasuredService[]>;
  /** Begins the end of the enclave. */
  end(code: 'stopped' | 'rebooted'): void;
  /** The enclave's first process, where it is not 1 and other processes are the machine's. */
  readonly firstPid?: number | undefined;
  /** Default `process.kill`. */
  readonly kill?: (pid: number, signal: number) => void;
}

const sigterm = 15;
const maxLogLines = 10_000;

export function createControl(options: ControlOptions): Control {
  const { supervisor, host, clock } = options;
  const { set, voices } = supervisor;
  const kill = options.kill ?? ((pid, signal) => void process.kill(pid, signal));
  const loose = new Map<number, ProcessCommand>();
  let looseCount = 0;

  const entryOf = (name: string): ServiceEntry => {
    const entry = set.entries.get(name);
    if (entry !== undefined && entry.replacement !== null) return entry;
    throw refused('INIT_SERVICE_UNKNOWN', `service ${JSON.stringify(name.slice(0, 80))} does not exist`);
  };
  const startable = (name: string): ServiceEntry => {
    const entry = entryOf(name);
    if (set.isClosing) throw refused('INIT_STOPPING', `service ${name} cannot be started: the enclave is stopping`);
    if (!entry.enabled) throw refused('INIT_SERVICE_DISABLED', `service ${name} is disabled`);
    return entry;
  };
  /** Resolves when a process other than `oldPid` runs. */
  const running = async (entry: ServiceEntry, oldPid: number | undefined): Promise<void> => {
    const { name } = entry.service;
    const pidOf = (): number | undefined => processOf(entry.state)?.pid;
    const isUp = (): boolean => {
      const { phase } = entry.state;
      return phase === 'exited' || ((phase === 'starting' || phase === 'ready') && pidOf() !== oldPid);
    };
    const isOver = (): boolean => ['failed', 'down', 'backoff'].includes(entry.state.phase);
    await supervisor.until(() => isUp() || isOver());
    if (isUp()) return;
    const why = entry.state.phase === 'failed' ? describeFault(entry.state.fault) : entry.state.phase;
    throw refused('INIT_SERVICE_FAILED', `service ${name} did not come up: ${why}`);
  };
  /** Resolves when the process of now has ended; rejects when somebody asks for the service again before its stop has begun. */
  const stopped = async (entry: ServiceEntry): Promise<void> => {
    const { name } = entry.service;
    const { launches } = entry.state.memory;
    const hasEnded = (): boolean => !isActive(entry.state) || entry.state.memory.launches !== launches;
    set.stop([name]);
    await supervisor.until(() => hasEnded() || (entry.wanted && entry.state.phase !== 'stopping'));
    if (!hasEnded()) throw refused('INIT_SERVICE_RUNNING', `service ${name} was started again before it could stop`);
  };
  const { firstPid } = options;
  const readings = async (): Promise<readonly ProcessReading[]> => {
    const all = await readProcesses();
    return firstPid === undefined ? all : onlyFamily(all, firstPid);
  };
  const processes = async (): Promise<readonly ProcessView[]> => (await readings()).map(toView);
  const toView = ({ session, ...reading }: ProcessReading): ProcessView => {
    const owner = [...set.entries.values()].find(({ state }) => processOf(state)?.pid === session);
    return { ...reading, managed: owner !== undefined, serviceName: owner?.service.name ?? null };
  };
  const findReading = async (pid: number): Promise<ProcessReading | undefined> =>
    (await readings()).find((one) => one.pid === pid);
  const findProcess = async (pid: number): Promise<ProcessView> => {
    const isPid = Number.isInteger(pid) && pid > 0;
    const reading = !isPid ? undefined : firstPid === undefined ? await readProcess(pid) : await findReading(pid);
    if (reading === undefined) throw refused('INIT_PROCESS_UNKNOWN', `process ${pid} does not run`);
    return toView(reading);
  };
  const signal = async (pid: number, number: number): Promise<void> => {
    await findProcess(pid);
    if (pid === (firstPid ?? 1) || pid === process.pid) {
      throw refused('INIT_PROCESS_FOREIGN', `process ${pid} is the enclave's own and takes no signals from here`);
    }
    kill(pid, number);
  };
  const launch = async (command: ProcessCommand): Promise<number> => {
    if (set.isClosing) throw refused('INIT_STOPPING', 'no process can be started: the enclave is stopping');
    looseCount += 1;
    // Unlike any that a supervisor before this one started.
    const name = `${LOOSE_PREFIX}${process.pid}-${looseCount}`;
    const { pid } = await host.start(toLooseRequest(name, command, options.allowedVariables));
    loose.set(pid, command);
    return pid;
  };

  return {
    listServices: () => liveEntries(set.entries).map((entry) => viewOf(entry, clock.now())),
    serviceStatus: (name) => viewOf(entryOf(name), clock.now()),
    async startService(name) {
      const entry = startable(name);
      if (isActive(entry.state)) throw refused('INIT_SERVICE_RUNNING', `service ${name} is running`);
      set.start([name]);
      await running(entry, undefined);
    },
    async stopService(name) {
      const entry = entryOf(name);
      if (!isActive(entry.state) && entry.state.phase !== 'waiting' && entry.state.phase !== 'backoff') {
        throw refused('INIT_SERVICE_NOT_RUNNING', `service ${name} is not running`);
      }
      await stopped(entry);
    },
    async restartService(name) {
      const entry = startable(name);
      const oldPid = processOf(entry.state)?.pid;
      set.restart(name);
      await running(entry, oldPid);
    },
    async enableService(name) {
      entryOf(name).enabled = true;
      supervisor.noteChange();
    },
    async disableService(name) {
      const entry = entryOf(name);
      entry.enabled = false;
      await stopped(entry);
    },
    async serviceLogs(name, lines) {
      entryOf(name);
      if (!Number.isInteger(lines) || lines < 1 || lines > maxLogLines) {
        throw new TypeError(`lines must be an integer in 1..${maxLogLines}, got ${lines}`);
      }
      return await voices.of(name).last(lines);
    },
    followLogs(name, listener, stop) {
      entryOf(name);
      voices.of(name).follow(listener, stop);
    },
    async clearLogs(name) {
      entryOf(name);
      voices.of(name).clear();
    },
    listProcesses: processes,
    processStatus: findProcess,
    startProcess: launch,
    stopProcess: (pid) => signal(pid, sigterm),
    async restartProcess(pid) {
      const { serviceName } = await findProcess(pid);
      if (serviceName !== null) {
        await this.restartService(serviceName);
        return processOf(entryOf(serviceName).state)?.pid ?? pid;
      }
      const command = loose.get(pid);
      if (command === undefined) throw refused('INIT_PROCESS_FOREIGN', `process ${pid} was not started from here`);
      await signal(pid, sigterm);
      loose.delete(pid);
      return await launch(command);
    },
    killProcess: signal,
    async systemStatus() {
      const entries = liveEntries(set.entries);
      return {
        bootId: options.bootId,
        uptimeMs: clock.now() - options.startedMs,
        totalServices: entries.length,
        activeServices: entries.filter(({ state }) => isActive(state)).length,
        enabledServices: entries.filter(({ enabled }) => enabled).length,
        totalProcesses: (await processes()).length,
        logDir: options.logDir,
      };
    },
    async reload() {
      const services = await options.readServices();
      if (set.isClosing) throw refused('INIT_STOPPING', 'nothing can be reloaded: the enclave is stopping');
      return supervisor.reload(services);
    },
    async reboot() {
      options.end('rebooted');
    },
    async shutdown() {
      options.end('stopped');
    },
  };
}

function liveEntries(entries: ReadonlyMap<string, ServiceEntry>): ServiceEntry[] {
  return [...entries.values()].filter(({ replacement }) => replacement !== null);
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

function refused(code: InitErrorCode, message: string): CaissonError<InitErrorCode> {
  return new CaissonError<InitErrorCode>(code, message);
}

// The half of the control that is about services: find one by name, start, stop and restart it, hand out its lines. Whoever asks hears how it
// ended, so each call waits for the service itself and not only for the wish.
import type { Control } from '@caisson/link/init';
import type { Clock } from './clock.ts';
import { refused } from './error-code.ts';
import { describeFault } from './health.ts';
import { type ServiceEntry, viewOf } from './service-entry.ts';
import { isActive, processOf } from './service-state.ts';
import type { Supervisor } from './supervisor.ts';

export type ServiceControl = Pick<
  Control,
  | 'listServices'
  | 'serviceStatus'
  | 'startService'
  | 'stopService'
  | 'restartService'
  | 'enableService'
  | 'disableService'
  | 'serviceLogs'
  | 'followLogs'
  | 'clearLogs'
>;

const maxLogLines = 10_000;

export function createServiceControl(supervisor: Supervisor, clock: Clock): ServiceControl {
  const { set, voices } = supervisor;
  return {
    listServices: () => liveEntries(supervisor).map((entry) => viewOf(entry, clock.now())),
    serviceStatus: (name) => viewOf(entryOf(supervisor, name), clock.now()),
    async startService(name) {
      const entry = startableEntry(supervisor, name);
      if (isActive(entry.state)) throw refused('INIT_SERVICE_RUNNING', `service ${name} is running`);
      set.start([name]);
      await untilRunning(supervisor, entry, undefined);
    },
    async stopService(name) {
      const entry = entryOf(supervisor, name);
      if (!isActive(entry.state) && entry.state.phase !== 'waiting' && entry.state.phase !== 'backoff') {
        throw refused('INIT_SERVICE_NOT_RUNNING', `service ${name} is not running`);
      }
      await stopAndWait(supervisor, entry);
    },
    async restartService(name) {
      const entry = startableEntry(supervisor, name);
      const oldPid = processOf(entry.state)?.pid;
      set.restart(name);
      await untilRunning(supervisor, entry, oldPid);
    },
    async enableService(name) {
      entryOf(supervisor, name).enabled = true;
      supervisor.noteChange();
    },
    async disableService(name) {
      const entry = entryOf(supervisor, name);
      entry.enabled = false;
      await stopAndWait(supervisor, entry);
    },
    async serviceLogs(name, lines) {
      entryOf(supervisor, name);
      if (!Number.isInteger(lines) || lines < 1 || lines > maxLogLines) {
        throw new TypeError(`lines must be an integer in 1..${maxLogLines}, got ${lines}`);
      }
      return await voices.of(name).last(lines);
    },
    followLogs(name, listener, stop) {
      entryOf(supervisor, name);
      voices.of(name).follow(listener, stop);
    },
    async clearLogs(name) {
      entryOf(supervisor, name);
      voices.of(name).clear();
    },
  };
}

/** Entries of the measured services; one that a reload has removed, and that still ends, is not among them. */
export function liveEntries({ set }: Supervisor): ServiceEntry[] {
  return [...set.entries.values()].filter(({ replacement }) => replacement !== null);
}

function entryOf({ set }: Supervisor, name: string): ServiceEntry {
  const entry = set.entries.get(name);
  if (entry !== undefined && entry.replacement !== null) return entry;
  throw refused('INIT_SERVICE_UNKNOWN', `service ${JSON.stringify(name.slice(0, 80))} does not exist`);
}

function startableEntry(supervisor: Supervisor, name: string): ServiceEntry {
  const entry = entryOf(supervisor, name);
  if (supervisor.set.isClosing) {
    throw refused('INIT_STOPPING', `service ${name} cannot be started: the enclave is stopping`);
  }
  if (!entry.enabled) throw refused('INIT_SERVICE_DISABLED', `service ${name} is disabled`);
  return entry;
}

/** Resolves when a process other than `oldPid` runs. */
async function untilRunning(supervisor: Supervisor, entry: ServiceEntry, oldPid: number | undefined): Promise<void> {
  const { name } = entry.service;
  const isUp = (): boolean => {
    const { phase } = entry.state;
    if (phase === 'exited') return true;
    return (phase === 'starting' || phase === 'ready') && processOf(entry.state)?.pid !== oldPid;
  };
  const isOver = (): boolean => ['failed', 'down', 'backoff'].includes(entry.state.phase);
  await supervisor.until(() => isUp() || isOver());
  if (isUp()) return;
  const why = entry.state.phase === 'failed' ? describeFault(entry.state.fault) : entry.state.phase;
  throw refused('INIT_SERVICE_FAILED', `service ${name} did not come up: ${why}`);
}

/** Resolves when the process that runs now has ended; rejects when somebody asks for the service again before its stop has begun. */
async function stopAndWait(supervisor: Supervisor, entry: ServiceEntry): Promise<void> {
  const { name } = entry.service;
  const { launches } = entry.state.memory;
  const hasEnded = (): boolean => !isActive(entry.state) || entry.state.memory.launches !== launches;
  supervisor.set.stop([name]);
  await supervisor.until(() => hasEnded() || (entry.wanted && entry.state.phase !== 'stopping'));
  if (!hasEnded()) throw refused('INIT_SERVICE_RUNNING', `service ${name} was started again before it could stop`);
}

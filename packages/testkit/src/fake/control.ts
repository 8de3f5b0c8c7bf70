// A supervisor that is only asked: one service `web`, one process 42, every call written down. `ghost` does not exist, `slow` takes its
// time for ever, `broken` fails as a mistake in a program would.
import { CaissonError } from '@caisson/core/errors';
import type { Control, ServiceLogLine, ServiceView } from '@caisson/link/init';

export interface FakeControl extends Control {
  /** `verb words`, in order; empty it at will. */
  readonly asked: string[];
  /** What serviceLogs answers. */
  logs: readonly string[];
  /** One line to every follower of `name`. */
  say(name: string, text: string): void;
  followers(): number;
}

const timeMs = 1_700_000_000_000;

export function createFakeControl(): FakeControl {
  const asked: string[] = [];
  const listeners = new Map<(line: ServiceLogLine) => void, string>();
  const did =
    (verb: string) =>
    async (...words: readonly unknown[]): Promise<void> => {
      asked.push([verb, ...words].join(' '));
      if (words[0] === 'ghost') throw new CaissonError('INIT_SERVICE_UNKNOWN', 'service ghost does not exist');
    };
  const process = {
    pid: 42,
    ppid: 1,
    name: 'web',
    cmdline: '/bin/web a b',
    state: 'S',
    cpuPercent: 1.5,
    memoryKb: 2048,
    startTime: 1_700_000_000,
    managed: true,
    serviceName: 'web',
  };
  return {
    asked,
    logs: ['hello'],
    say(name, text) {
      for (const [listener, one] of listeners) if (one === name) listener({ timeMs, stream: 'out', text });
    },
    followers: () => listeners.size,
    listServices() {
      asked.push('listServices');
      return [web];
    },
    serviceStatus(name) {
      asked.push(`serviceStatus ${name}`);
      if (name === 'broken') throw new Error('secret of a stack');
      return { ...web, name };
    },
    startService: did('startService'),
    stopService: did('stopService'),
    restartService: did('restartService'),
    enableService: did('enableService'),
    disableService: did('disableService'),
    clearLogs: did('clearLogs'),
    stopProcess: did('stopProcess'),
    killProcess: did('killProcess'),
    reboot: did('reboot'),
    shutdown: did('shutdown'),
    async serviceLogs(name, lines) {
      asked.push(`serviceLogs ${name} ${lines}`);
      if (name === 'slow') await new Promise(() => {});
      return this.logs.map((text) => ({ timeMs, stream: 'out' as const, text }));
    },
    followLogs(name, listener, stop) {
      listeners.set(listener, name);
      stop.addEventListener('abort', () => listeners.delete(listener), { once: true });
    },
    async listProcesses() {
      asked.push('listProcesses');
      return [process];
    },
    async processStatus(pid) {
      asked.push(`processStatus ${pid}`);
      return { ...process, pid };
    },
    async startProcess({ command, args, env }) {
      asked.push(`startProcess ${[command, ...args].join(',')}|${env.join(',')}`);
      return 77;
    },
    async restartProcess(pid) {
      asked.push(`restartProcess ${pid}`);
      return 78;
    },
    async systemStatus() {
      asked.push('systemStatus');
      const counts = { totalServices: 1, activeServices: 1, enabledServices: 1, totalProcesses: 3 };
      return { bootId: '0'.repeat(32), uptimeMs: 12_345, logDir: '/log', ...counts };
    },
    async reload() {
      asked.push('reload');
      return { added: ['x'], removed: [], changed: [], unchanged: 4 };
    },
  };
}

const web: ServiceView = {
  name: 'web',
  enabled: true,
  phase: 'ready',
  active: true,
  pid: 42,
  uptimeMs: 1_500,
  restartPolicy: 'always',
  restartCount: 2,
  restartDelayMs: 5_000,
  end: { kind: 'signal', signal: 11, dumped: false },
  reason: null,
  statusText: null,
  argv: ['/bin/web', 'a b'],
  workingDirectory: '/app',
  before: [],
  after: ['db'],
  requires: ['db'],
  requiredBy: [],
};

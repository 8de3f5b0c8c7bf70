// What may be asked of this supervisor (link/init), answered: its services, the processes of its enclave, and the enclave as a whole.
import type { MeasuredService } from '@caisson/core/measured';
import type { Control } from '@caisson/link/init';
import type { Clock } from './clock.ts';
import { refused } from './error-code.ts';
import { ProcessControl, type ProcessControlOptions } from './process-control.ts';
import { createServiceControl, liveEntries } from './service-control.ts';
import { isActive } from './service-state.ts';

export interface ControlOptions extends ProcessControlOptions {
  readonly clock: Clock;
  readonly bootId: string;
  readonly logDir: string;
  /** Clock time at which the enclave began. */
  readonly startedMs: number;
  /** The measured services, read again. Rejects with their fault. */
  readServices(): Promise<readonly MeasuredService[]>;
  /** Begins the end of the enclave. */
  end(code: 'stopped' | 'rebooted'): void;
}

export function createControl(options: ControlOptions): Control {
  const { supervisor, clock } = options;
  const services = createServiceControl(supervisor, clock);
  const processes = new ProcessControl(options, (name) => services.restartService(name));
  return {
    ...services,
    listProcesses: () => processes.list(),
    processStatus: (pid) => processes.find(pid),
    startProcess: (command) => processes.start(command),
    stopProcess: (pid) => processes.stop(pid),
    restartProcess: (pid) => processes.restart(pid),
    killProcess: (pid, signal) => processes.signal(pid, signal),
    async systemStatus() {
      const entries = liveEntries(supervisor);
      return {
        bootId: options.bootId,
        uptimeMs: clock.now() - options.startedMs,
        totalServices: entries.length,
        activeServices: entries.filter(({ state }) => isActive(state)).length,
        enabledServices: entries.filter(({ enabled }) => enabled).length,
        totalProcesses: (await processes.list()).length,
        logDir: options.logDir,
      };
    },
    async reload() {
      const measured = await options.readServices();
      if (supervisor.set.isClosing) throw refused('INIT_STOPPING', 'nothing can be reloaded: the enclave is stopping');
      return supervisor.reload(measured);
    },
    async reboot() {
      options.end('rebooted');
    },
    async shutdown() {
      options.end('stopped');
    },
  };
}

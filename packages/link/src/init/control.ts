// What may be asked of the supervisor, whoever carries the question: the unix socket, the control channel. A closed list of
// calls in our own terms; the reference's JSON and JSON-RPC are made from it (messages.ts). Names are checked by who serves it
// (INIT_SERVICE_UNKNOWN), so that a handler never joins one into a path.
import type { RestartPolicy } from '@caisson/core/measured';
import type { ProcessEnd } from '@caisson/sys';
import type { ReadyReason } from '../ready/index.ts';

/**
 * `down`: not running and not asked to. `waiting`: for what it is after or requires. `launching`: PID 1 was asked for a process.
 * `starting`: runs, not ready. `ready`. `stopping`. `backoff`: ended, will be started again. `exited`: ended well, stays so.
 * `failed`: will not be started again by itself.
 */
export type ServicePhase =
  | 'down'
  | 'waiting'
  | 'launching'
  | 'starting'
  | 'ready'
  | 'stopping'
  | 'backoff'
  | 'exited'
  | 'failed';

export interface ServiceView {
  readonly name: string;
  readonly enabled: boolean;
  readonly phase: ServicePhase;
  /** A process of it runs. */
  readonly active: boolean;
  readonly pid: number | null;
  /** Since the running process was started; null: none runs. */
  readonly uptimeMs: number | null;
  readonly restartPolicy: RestartPolicy;
  /** Starts after the first one of this boot. */
  readonly restartCount: number;
  readonly restartDelayMs: number;
  /** How the last process ended; null: none has. */
  readonly end: ProcessEnd | null;
  /** Why it is `failed`, or not what was asked for. */
  readonly reason: ReadyReason | null;
  /** STATUS= of the service's own notify line, bounded and escaped; null: none. */
  readonly statusText: string | null;
  readonly argv: readonly string[];
  readonly workingDirectory: string | null;
  readonly before: readonly string[];
  readonly after: readonly string[];
  readonly requires: readonly string[];
  readonly requiredBy: readonly string[];
}

export interface ServiceLogLine {
  /** Unix milliseconds. */
  readonly timeMs: number;
  /** `init`: a word of the supervisor about the service. */
  readonly stream: 'out' | 'err' | 'init';
  /** Escaped, at most 8,192 characters; no line end. */
  readonly text: string;
}

export interface ProcessView {
  readonly pid: number;
  readonly ppid: number;
  readonly name: string;
  readonly cmdline: string;
  /** One letter, as in /proc/PID/stat. */
  readonly state: string;
  /** Over the life of the process. */
  readonly cpuPercent: number;
  readonly memoryKb: number;
  /** Unix seconds. */
  readonly startTime: number;
  readonly managed: boolean;
  readonly serviceName: string | null;
}

export interface ProcessCommand {
  readonly command: string;
  readonly args: readonly string[];
  /** `NAME=value`. */
  readonly env: readonly string[];
}

export interface SystemView {
  readonly bootId: string;
  readonly uptimeMs: number;
  readonly totalServices: number;
  readonly activeServices: number;
  readonly enabledServices: number;
  readonly totalProcesses: number;
  readonly logDir: string;
}

/**
 * Calls that name a service reject or throw INIT_SERVICE_UNKNOWN. While the enclave ends, whatever would start something rejects
 * INIT_STOPPING.
 */
export interface Control {
  listServices(): readonly ServiceView[];
  serviceStatus(name: string): ServiceView;
  /**
   * Also what it requires. Resolves once its process runs (not: is ready). Rejects INIT_SERVICE_RUNNING, INIT_SERVICE_DISABLED,
   * INIT_SERVICE_FAILED with the reason.
   */
  startService(name: string): Promise<void>;
  /** What requires it first. Resolves once it has ended. Rejects INIT_SERVICE_NOT_RUNNING. */
  stopService(name: string): Promise<void>;
  /** The process is replaced, what requires it is not touched. Resolves once the new one runs. Rejects like `startService`. */
  restartService(name: string): Promise<void>;
  /** Images are measured: enable and disable hold for this boot only. Enable starts nothing, disable stops what runs. */
  enableService(name: string): Promise<void>;
  disableService(name: string): Promise<void>;
  /** The last lines, oldest first: 1..10,000. */
  serviceLogs(name: string, lines: number): Promise<readonly ServiceLogLine[]>;
  /** Lines from now on until `stop`. A listener that throws is dropped. */
  followLogs(name: string, listener: (line: ServiceLogLine) => void, stop: AbortSignal): void;
  clearLogs(name: string): Promise<void>;
  listProcesses(): Promise<readonly ProcessView[]>;
  /** The calls by pid reject INIT_PROCESS_UNKNOWN when no such process runs (0 and negative pids are never passed on). */
  processStatus(pid: number): Promise<ProcessView>;
  /** Not supervised; ends with the enclave. Environment: only what is given and the image allows. */
  startProcess(command: ProcessCommand): Promise<number>;
  stopProcess(pid: number): Promise<void>;
  /** A service's process: restarts the service. One of `startProcess`: the same command again. Others: INIT_PROCESS_FOREIGN. */
  restartProcess(pid: number): Promise<number>;
  /** Signal 1..64. PID 1 and the supervisor: INIT_PROCESS_FOREIGN. */
  killProcess(pid: number, signal: number): Promise<void>;
  systemStatus(): Promise<SystemView>;
  /** Reads the measured files again; what did not change is not touched. Rejects with the fault and changes nothing. */
  reload(): Promise<ReloadView>;
  /** Both stop everything in reverse order and end the enclave; resolves when that has begun. */
  reboot(): Promise<void>;
  shutdown(): Promise<void>;
}

export interface ReloadView {
  readonly added: readonly string[];
  readonly removed: readonly string[];
  readonly changed: readonly string[];
  readonly unchanged: number;
}

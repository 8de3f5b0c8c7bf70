// Answers from what the supervisor says: `tagged` is the reference's shape to the member (its client refuses others), `result` adds what
// only we know. Old names of members stand for what they can: `restart_sec` is whole seconds, because the reference's client reads it so.
import { joinWords } from '@caisson/core/measured';
import type { ProcessEnd } from '@caisson/sys';
import type { ProcessView, ServiceLogLine, ServiceView, SystemView } from './control.ts';
import type { InitReply } from './messages.ts';

export function pong(): InitReply {
  return { tagged: 'Pong', result: 'Pong' };
}

export function success(message: string, more: object = {}): InitReply {
  return { tagged: { Success: { message } }, result: { message, ...more } };
}

export function failure(message: string): InitReply {
  return { tagged: { Error: { message } }, result: { message } };
}

export function serviceList(views: readonly ServiceView[]): InitReply {
  return {
    tagged: { ServiceList: { services: views.map(listed) } },
    result: { services: views.map((view) => ({ ...listed(view), ...known(view) })) },
  };
}

export function serviceStatus(view: ServiceView): InitReply {
  const status = {
    name: view.name,
    enabled: view.enabled,
    active: view.active,
    pid: view.pid,
    restart_policy: view.restartPolicy,
    restart_count: view.restartCount,
    restart_sec: Math.round(view.restartDelayMs / 1_000),
    exit_status: view.end === null ? null : exitStatus(view.end),
    exec_start: joinWords(view.argv),
    working_directory: view.workingDirectory,
    dependencies: {
      before: view.before,
      after: view.after,
      requires: view.requires,
      required_by: view.requiredBy,
    },
  };
  const delay = { restart_delay_ms: view.restartDelayMs };
  return { tagged: { ServiceStatus: { status } }, result: { status: { ...status, ...delay, ...known(view) } } };
}

export function serviceLogs(lines: readonly ServiceLogLine[]): InitReply {
  const logs = lines.map(logText);
  // The reference's lines have whole seconds: too coarse to stand between anything else.
  return { tagged: { ServiceLogs: { logs } }, result: { logs, times_ms: lines.map(({ timeMs }) => timeMs) } };
}

export function processList(views: readonly ProcessView[]): InitReply {
  const processes = views.map(processOf);
  return { tagged: { ProcessList: { processes } }, result: { processes } };
}

export function processStatus(view: ProcessView): InitReply {
  const process = processOf(view);
  return { tagged: { ProcessStatus: { process } }, result: { process } };
}

export function processStarted(pid: number, message: string): InitReply {
  return { tagged: { ProcessStarted: { pid, message } }, result: { pid, message } };
}

export function systemStatus(view: SystemView): InitReply {
  const status = {
    uptime_secs: Math.floor(view.uptimeMs / 1_000),
    total_services: view.totalServices,
    active_services: view.activeServices,
    enabled_services: view.enabledServices,
    total_processes: view.totalProcesses,
    log_dir: view.logDir,
    // Services are compiled into the image; this is where the compiled file is.
    service_dir: '/etc/caisson',
  };
  return { tagged: { SystemStatus: { status } }, result: { status: { ...status, boot_id: view.bootId } } };
}

/** `[2026-11-21 10:15:47] text`, UTC, as the reference's log files have it. */
export function logText({ timeMs, text }: ServiceLogLine): string {
  return `[${new Date(timeMs).toISOString().slice(0, 19).replace('T', ' ')}] ${text}`;
}

function listed({ name, enabled, active, restartPolicy, restartCount }: ServiceView) {
  return { name, enabled, active, restart_policy: restartPolicy, restart_count: restartCount };
}

function known({ phase, uptimeMs, reason, statusText }: ServiceView) {
  return { phase, uptime_ms: uptimeMs, reason, status_text: statusText };
}

function exitStatus(end: ProcessEnd): number {
  return end.kind === 'exit' ? end.code : 128 + end.signal;
}

function processOf(view: ProcessView) {
  return {
    pid: view.pid,
    ppid: view.ppid,
    name: view.name,
    cmdline: view.cmdline,
    state: view.state,
    cpu_percent: view.cpuPercent,
    memory_kb: view.memoryKb,
    start_time: view.startTime,
    managed: view.managed,
    service_name: view.serviceName,
  };
}

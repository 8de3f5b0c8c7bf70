// Answers for people: the tables of the reference's tool. What a stranger wrote (command lines, states, words of a service) cannot drive the
// terminal it is shown on.
import { plain } from '@caisson/core/log';
import type { InitVerb } from '../messages.ts';

type Table = Readonly<Record<string, unknown>>;

const states: Readonly<Record<string, string>> = {
  R: 'Running',
  S: 'Sleeping',
  D: 'Disk sleep',
  Z: 'Zombie',
  T: 'Stopped',
  t: 'Tracing',
  X: 'Dead',
  I: 'Idle',
};

/** Lines without line ends, for a result of `method`. */
export function renderResult(method: InitVerb, result: unknown): string[] {
  const table = (typeof result === 'object' && result !== null ? result : {}) as Table;
  switch (method) {
    case 'Ping':
      return ['✓ Pong - init system is responsive'];
    case 'ListServices':
      return services(rows(table['services']));
    case 'ServiceStatus':
      return service(table['status'] as Table);
    case 'ServiceLogs':
      return logLines(table['logs']);
    case 'ProcessList':
      return processes(rows(table['processes']));
    case 'ProcessStatus':
      return processFacts(table['process'] as Table);
    case 'ProcessStart':
      return [`✓ ${text(table['message'])} (PID: ${text(table['pid'])})`];
    case 'SystemStatus':
      return system(table['status'] as Table);
    default:
      return [`✓ ${text(table['message'])}`];
  }
}

function services(list: readonly Table[]): string[] {
  if (list.length === 0) return ['No services found'];
  const line = (...cells: readonly string[]): string => columns(cells, [25, 10, 10, 15, 10]);
  return [
    line('NAME', 'ENABLED', 'ACTIVE', 'RESTART', 'RESTARTS', 'PHASE'),
    '-'.repeat(85),
    ...list.map((one) => {
      const words = [one['enabled'] === true ? 'enabled' : 'disabled', one['active'] === true ? 'active' : 'inactive'];
      return line(
        text(one['name']),
        ...words,
        text(one['restart_policy']),
        text(one['restart_count']),
        text(one['phase']),
      );
    }),
  ];
}

function service(status: Table): string[] {
  const links = (status['dependencies'] ?? {}) as Table;
  const reason = (status['reason'] ?? undefined) as Table | undefined;
  const fact = (name: string, value: unknown): string[] =>
    value === null || value === undefined ? [] : [`  ${name}: ${text(value)}`];
  const linked = (name: string, value: unknown): string[] =>
    Array.isArray(value) && value.length > 0 ? [`  ${name}: ${value.map(text).join(', ')}`] : [];
  return [
    `Service: ${text(status['name'])}`,
    `  Enabled: ${status['enabled'] === true ? 'yes' : 'no'}`,
    `  Status: ${status['active'] === true ? 'active (running)' : 'inactive (dead)'}`,
    ...fact('Phase', status['phase']),
    ...fact('Reason', reason?.['code']),
    ...fact('Says', status['status_text']),
    ...fact('PID', status['pid']),
    `  Command: ${text(status['exec_start'])}`,
    ...fact('Working Directory', status['working_directory']),
    `  Restart Policy: ${text(status['restart_policy'])}`,
    `  Restart Delay: ${Number(status['restart_delay_ms'] ?? 0) / 1_000}s`,
    `  Restart Count: ${text(status['restart_count'])}`,
    ...fact('Last Exit Code', status['exit_status']),
    ...linked('Before', links['before']),
    ...linked('After', links['after']),
    ...linked('Requires', links['requires']),
    ...linked('Required By', links['required_by']),
  ];
}

function logLines(logs: unknown): string[] {
  const lines = Array.isArray(logs) ? logs.map(text) : [];
  return lines.length === 0 ? ['No logs available'] : lines;
}

function processes(list: readonly Table[]): string[] {
  if (list.length === 0) return ['No processes found'];
  const line = (...cells: readonly string[]): string => columns(cells, [8, 8, 12, 6, 8, 10, 10]);
  return [
    line('PID', 'PPID', 'STATE', 'CPU%', 'MEM', 'MANAGED', 'SERVICE', 'COMMAND'),
    '-'.repeat(100),
    ...list.map((one) =>
      line(
        text(one['pid']),
        text(one['ppid']),
        stateName(one['state']),
        percent(one['cpu_percent']),
        memory(one['memory_kb']),
        one['managed'] === true ? 'yes' : 'no',
        one['service_name'] === null ? '-' : text(one['service_name']),
        clip(text(one['cmdline'])),
      ),
    ),
  ];
}

function processFacts(one: Table): string[] {
  return [
    `Process: ${text(one['pid'])}`,
    `  Name: ${text(one['name'])}`,
    `  Parent PID: ${text(one['ppid'])}`,
    `  State: ${stateName(one['state'])}`,
    `  Command: ${text(one['cmdline'])}`,
    `  CPU: ${percent(one['cpu_percent'])}%`,
    `  Memory: ${memory(one['memory_kb'])}`,
    `  Start Time: ${text(one['start_time'])}`,
    `  Managed by Init: ${one['managed'] === true ? 'yes' : 'no'}`,
    ...(one['service_name'] === null ? [] : [`  Service: ${text(one['service_name'])}`]),
  ];
}

function system(status: Table): string[] {
  const counts = ['total', 'enabled', 'active'].map((name) => `${text(status[`${name}_services`])} ${name}`);
  return [
    'System Status',
    `  Uptime: ${duration(Number(status['uptime_secs']))}`,
    `  Services: ${counts.join(', ')}`,
    `  Processes: ${text(status['total_processes'])} total`,
    `  Service Directory: ${text(status['service_dir'])}`,
    `  Log Directory: ${text(status['log_dir'])}`,
  ];
}

function columns(cells: readonly string[], widths: readonly number[]): string {
  return cells
    .map((cell, index) => cell.padEnd(widths[index] ?? 0))
    .join(' ')
    .trimEnd();
}

/** By characters as people count them: half of one is no character. */
function clip(line: string): string {
  const characters = [...line];
  return characters.length <= 50 ? line : `${characters.slice(0, 47).join('')}...`;
}

function rows(value: unknown): readonly Table[] {
  return Array.isArray(value) ? value : [];
}

function text(value: unknown): string {
  return plain(String(value));
}

function stateName(letter: unknown): string {
  return states[String(letter)] ?? text(letter);
}

function percent(value: unknown): string {
  return Number(value).toFixed(1);
}

function memory(value: unknown): string {
  const kib = Number(value);
  if (kib >= 1 << 20) return `${(kib / (1 << 20)).toFixed(1)}G`;
  return kib >= 1 << 10 ? `${(kib / (1 << 10)).toFixed(1)}M` : `${kib}K`;
}

function duration(seconds: number): string {
  const parts: readonly (readonly [number, string])[] = [
    [Math.floor(seconds / 86_400), 'd'],
    [Math.floor(seconds / 3_600) % 24, 'h'],
    [Math.floor(seconds / 60) % 60, 'm'],
    [seconds % 60, 's'],
  ];
  const first = parts.findIndex(([count]) => count > 0);
  return parts
    .slice(first === -1 ? 3 : first)
    .map(([count, unit]) => `${count}${unit}`)
    .join(' ');
}

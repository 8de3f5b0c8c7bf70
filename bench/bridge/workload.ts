// What is asked of every bridge: bulk both ways, closed loops, churn, HTTP. One call is one window of one cell.
import { outputOf, whileRunning } from './child.ts';

export type Group = 'bulk up' | 'bulk down' | 'closed loop' | 'churn' | 'http';

export interface Workload {
  readonly name: string;
  readonly group: Group;
  /** Client connections, message bytes, and how it is driven. */
  readonly mode: 'up' | 'down' | 'echo' | 'churn' | 'hold' | 'wrk';
  readonly connections: number;
  readonly size: number;
}

export interface Sample {
  /** Bytes or round trips a second within the window. */
  readonly rate: number;
  /** Units over the whole run, for CPU per unit. */
  readonly total: number;
  readonly p50us: number;
  readonly p99us: number;
  readonly errors: number;
}

export const workloads: readonly Workload[] = [
  ...[1, 8].map(
    (connections) => ({ name: `up c${connections}`, group: 'bulk up', mode: 'up', connections, size: 0 }) as const,
  ),
  ...[1, 8].map(
    (connections) =>
      ({ name: `down c${connections}`, group: 'bulk down', mode: 'down', connections, size: 0 }) as const,
  ),
  ...[64, 8192].flatMap((size) =>
    [1, 16, 256].map(
      (connections) =>
        ({ name: `echo ${size} c${connections}`, group: 'closed loop', mode: 'echo', connections, size }) as const,
    ),
  ),
  { name: 'churn c16', group: 'churn', mode: 'churn', connections: 16, size: 64 },
  ...['0 B', '1 KiB', '32 KiB', '1 MiB'].map(
    (size, page) => ({ name: `http ${size}`, group: 'http', mode: 'wrk', connections: 32, size: page }) as const,
  ),
];

export interface Timing {
  readonly warmMs: number;
  readonly windowMs: number;
}

/** The load generator, and where its far side listens. */
export interface Load {
  readonly program: string;
  readonly far: string;
}

/** The arguments of one run of the load generator; see load/load.c. */
export function loadCommand(
  { program, far }: Load,
  near: string,
  mode: string,
  { connections = 0, size = 0, holdMs = 0, warmMs = 0, windowMs = 0 },
): readonly string[] {
  return [program, mode, far, near, ...[connections, size, holdMs, warmMs, windowMs].map(String)];
}

/** Runs one window against the bridge that listens on `near`. */
export async function measure(load: Load, workload: Workload, near: string, timing: Timing): Promise<Sample> {
  const { mode, connections, size } = workload;
  if (mode !== 'wrk') {
    const command = loadCommand(load, near, mode, { connections, size, ...timing });
    return JSON.parse(await outputOf(command)) as Sample;
  }
  const seconds = Math.max(1, Math.round((timing.warmMs + timing.windowMs) / 1000));
  const url = `http://${near.replace('tcp:', '')}/${size}`;
  return whileRunning(loadCommand(load, near, 'serve', {}), async () =>
    parseWrk(await outputOf(['wrk', '-t1', `-c${connections}`, `-d${seconds}s`, '--latency', url])),
  );
}

function parseWrk(text: string): Sample {
  const units: Readonly<Record<string, number>> = { us: 1, ms: 1_000, s: 1_000_000 };
  const latency = (percent: string): number => {
    const [, value = 'NaN', unit = 'us'] = new RegExp(`${percent}%\\s+([\\d.]+)(us|ms|s)`).exec(text) ?? [];
    return Number(value) * (units[unit] ?? Number.NaN);
  };
  const errors = /Socket errors: connect (\d+), read (\d+), write (\d+), timeout (\d+)/.exec(text);
  return {
    rate: Number(/Requests\/sec:\s+([\d.]+)/.exec(text)?.[1]),
    total: Number(/(\d+) requests in/.exec(text)?.[1]),
    p50us: latency('50'),
    p99us: latency('99'),
    errors: (errors?.slice(1) ?? []).reduce((sum, count) => sum + Number(count), 0),
  };
}

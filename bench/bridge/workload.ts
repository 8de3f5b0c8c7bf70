// What is asked of every bridge: bulk both ways, closed loops, churn, HTTP. One call is one window of one cell.
import { spawn } from 'node:child_process';

export type Group = 'bulk up' | 'bulk down' | 'closed loop' | 'churn' | 'http';

export interface Workload {
  readonly name: string;
  readonly group: Group;
  /** Client connections, message bytes, and how it is driven. */
  readonly mode: 'up' | 'down' | 'echo' | 'churn' | 'wrk';
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

/** Runs one window against the bridge on `port`, with the load generator's far side (or the server for HTTP) on `unixPath`. */
export async function measure(
  load: string,
  workload: Workload,
  port: number,
  unixPath: string,
  { warmMs, windowMs }: Timing,
): Promise<Sample> {
  if (workload.mode !== 'wrk') {
    const { mode, connections, size } = workload;
    return JSON.parse(
      await output([load, mode, unixPath, port, connections, size, warmMs, windowMs].map(String)),
    ) as Sample;
  }
  const seconds = Math.max(1, Math.round((warmMs + windowMs) / 1000));
  const server = spawn(load, ['serve', unixPath, '0', '0', '0', '0', '0'], { stdio: ['pipe', 'pipe', 'inherit'] });
  try {
    await new Promise((resolve) => server.stdout.once('data', resolve));
    const url = `http://127.0.0.1:${port}/${workload.size}`;
    return parseWrk(await output(['wrk', '-t1', `-c${workload.connections}`, `-d${seconds}s`, '--latency', url]));
  } finally {
    const exited = new Promise((resolve) => server.once('exit', resolve));
    server.stdin.end();
    await exited;
  }
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

function output([file = '', ...args]: readonly string[]): Promise<string> {
  return new Promise((resolve, reject) => {
    const child = spawn(file, args, { stdio: ['ignore', 'pipe', 'pipe'] });
    let text = '';
    let complaint = '';
    child.stdout.setEncoding('utf8').on('data', (chunk) => {
      text += chunk;
    });
    child.stderr.setEncoding('utf8').on('data', (chunk) => {
      complaint += chunk;
    });
    child.on('error', reject);
    child.on('exit', (code) =>
      code === 0 ? resolve(text) : reject(new Error(`${file} ended with ${code}: ${complaint}`)),
    );
  });
}

// System calls a round trip costs each bridge, by strace: exact where CPU time is noisy. A traced bridge is slow, so its rate
// means nothing and only the counts are kept.
import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { join } from 'node:path';
import { startChild } from './child.ts';
import type { Peer } from './peer.ts';
import { type Load, measure, type Workload } from './workload.ts';

export interface CallCount {
  readonly perUnit: number;
  /** The five most frequent, calls a round trip. */
  readonly most: readonly (readonly [name: string, perUnit: number])[];
}

const timing = { warmMs: 100, windowMs: 300 };

export async function countCalls(load: Load, workload: Workload, peer: Peer, work: string): Promise<CallCount> {
  const folder = mkdtempSync(join(work, 'strace-'));
  const table = join(folder, 'table');
  const members = peer.meter.pids().flatMap((pid) => ['-p', String(pid)]);
  const { child, complaint } = startChild(['strace', '-c', '-f', '-o', table, ...members]);
  const closed = new Promise((resolve) => child.once('close', resolve));
  try {
    // It says `Process N attached` for each.
    await Promise.race([new Promise((resolve) => child.stderr?.once('data', resolve)), closed]);
    const { total } = await measure(load, workload, peer.near, timing);
    child.kill('SIGINT');
    await closed;
    return parseTable(readFileSync(table, 'utf8'), total);
  } catch (error) {
    throw new Error(`strace of ${peer.name} failed: ${complaint()}`, { cause: error });
  } finally {
    child.kill('SIGKILL');
    await closed;
    rmSync(folder, { recursive: true, force: true });
  }
}

// `% time  seconds  usecs/call  calls  [errors]  syscall`
function parseTable(text: string, units: number): CallCount {
  const rows = [...text.matchAll(/^\s*[\d.]+\s+[\d.]+\s+\d+\s+(\d+)\s+(?:\d+\s+)?([a-z]\w*)$/gm)]
    .filter(([, , name]) => name !== 'total')
    .map(([, calls, name = '']) => [name, Number(calls) / units] as const)
    .sort((left, right) => right[1] - left[1]);
  return { perUnit: rows.reduce((sum, [, calls]) => sum + calls, 0), most: rows.slice(0, 5) };
}

// Jobs for people and for machines. What a job has written goes out as it is where a program reads, and made harmless where a person does.

import { once } from 'node:events';
import type { Writable } from 'node:stream';
import { plain } from '@caisson/core/log';
import { joinWords } from '@caisson/core/measured';
import type { Channel } from '@caisson/link/channel';
import { type Job, readJobLogs } from '@caisson/link/pipeline';
import { createHarmless } from './harmless.ts';
import { jsonText } from './json-text.ts';
import type { Surroundings } from './surroundings.ts';

export function printJobs(jobs: readonly Job[], json: boolean, stdout: Writable): void {
  if (json) {
    stdout.write(`${jsonText({ v: 1, jobs })}\n`);
    return;
  }
  const rows = jobs.map((job) => [
    ...[job.name, stateOf(job), new Date(job.startedMs).toISOString(), job.operator],
    plain(joinWords(job.argv)),
  ]);
  const table = [['JOB', 'STATE', 'STARTED', 'BY', 'COMMAND'], ...rows];
  const widths = [0, 1, 2, 3].map((column) => Math.max(...table.map((row) => row[column]!.length)));
  for (const row of table) {
    stdout.write(
      `${row
        .map((cell, column) => cell.padEnd(widths[column] ?? 0))
        .join('  ')
        .trimEnd()}\n`,
    );
  }
}

function stateOf({ end }: Job): string {
  if (end === null) return 'running';
  return end.kind === 'exit' ? `exit ${end.code}` : `signal ${end.signal}`;
}

export async function showJobLogs(
  channel: Channel,
  name: string,
  follow: boolean,
  { stdout, stderr }: Surroundings,
): Promise<void> {
  const show = async (stream: 'stdout' | 'stderr', out: Writable): Promise<void> => {
    const harmless = (out as { isTTY?: boolean }).isTTY === true ? createHarmless() : undefined;
    for await (const chunk of readJobLogs(channel, { name, stream, follow })) {
      const bytes = harmless?.(chunk) ?? chunk;
      if (!out.write(bytes)) await once(out, 'drain');
    }
  };
  if (follow) await Promise.all([show('stdout', stdout), show('stderr', stderr)]);
  else {
    await show('stdout', stdout);
    await show('stderr', stderr);
  }
}

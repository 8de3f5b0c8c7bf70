// A job on disk: what a supervisor must know of the jobs of the one before it.
import { readdirSync, readFileSync, renameSync, statSync, writeFileSync } from 'node:fs';
import { type Job, jobNameForm } from '@caisson/link/pipeline';

export interface JobRecord extends Omit<Job, 'droppedBytes'> {
  readonly startTime: number;
  readonly timeoutMs: number | null;
  /** Of stdout and stderr. */
  readonly dropped: readonly [number, number];
}

// Chosen.
const maxBytes = 65_536;

export function writeJobRecord(folder: string, record: JobRecord): void {
  // /run is in memory: there is nothing to sync, and a reader finds the old or the new.
  const temporary = `${folder}/job.json.new`;
  writeFileSync(temporary, JSON.stringify(record), { mode: 0o600 });
  renameSync(temporary, `${folder}/job.json`);
}

/** In the order in which they began. What cannot be read is left out: this supervisor's own writing, cut in its middle. */
export function readJobRecords(folder: string): readonly JobRecord[] {
  const records = readdirSync(folder)
    .filter((name) => jobNameForm.test(name))
    .flatMap((name): JobRecord[] => {
      try {
        const path = `${folder}/${name}/job.json`;
        return statSync(path).size > maxBytes ? [] : [JSON.parse(readFileSync(path, 'utf8')) as JobRecord];
      } catch {
        return [];
      }
    });
  return records.sort((one, other) => one.startedMs - other.startedMs);
}

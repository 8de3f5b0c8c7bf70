// What the measured files of an open image say, for whoever starts it. A fault of them is an error here: such an image would be met half-way
// into its boot.
import type { SurveyedSection } from '@caisson/core/eif';
import type { CaissonError } from '@caisson/core/errors';
import type { MeasuredImage } from '@caisson/core/measured';
import type { ImageFile } from './image-file.ts';
import { ramdisksOf } from './list-file.ts';
import { createMeasuredReader, type MeasuredSummary } from './measured.ts';
import { isReadable, openRamdisk, readRamdiskForm } from './ramdisk.ts';

export interface MeasuredFiles {
  /** Undefined for an image of another builder. */
  readonly summary: MeasuredSummary | undefined;
  /** Undefined without a supervisor. */
  readonly image: MeasuredImage | undefined;
}

/** Throws the first fault, and what `openRamdisk` throws. A ramdisk of a form that is not opened says nothing. */
export async function readMeasuredFiles(file: ImageFile, sections: readonly SurveyedSection[]): Promise<MeasuredFiles> {
  const reader = createMeasuredReader();
  for (const [index, section] of ramdisksOf(sections).entries()) {
    if (!isReadable(await readRamdiskForm(file, section))) continue;
    for await (const entry of openRamdisk(file, section)) await reader.add(index, entry);
  }
  const faults: CaissonError[] = [];
  const summary = reader.finish(faults);
  const [fault] = faults;
  if (fault !== undefined) throw fault;
  return { summary, image: reader.image };
}

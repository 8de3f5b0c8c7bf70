// A copy in a session, with its progress on standard error.

import type { ControlSession } from '@caisson/link/control';
import { type CopyResult, copyIn, copyOut } from '@caisson/link/pipeline';
import { sourcePlace, targetPlace } from './copy-place.ts';
import { createCopyProgress } from './copy-progress.ts';
import { sizeText } from './size-text.ts';
import type { Surroundings } from './surroundings.ts';

export interface CopyTerms {
  readonly direction: 'in' | 'out';
  readonly local: string;
  readonly remote: string;
  readonly recursive: boolean;
  readonly resume: boolean;
  readonly checksum: boolean;
  readonly into: boolean;
}

export async function runCopy(
  { channel }: ControlSession,
  { direction, local, remote, ...terms }: CopyTerms,
  { stderr, stop }: Surroundings,
): Promise<CopyResult> {
  const { end, ...progress } = createCopyProgress(stderr);
  const options = { ...terms, ...progress, signal: stop };
  try {
    if (direction === 'in') return await copyIn(channel, await sourcePlace(local), remote, options);
    return await copyOut(channel, remote, await targetPlace(local), options);
  } finally {
    end();
  }
}

export function describeCopy(result: CopyResult, seconds: number): string {
  const { files, bytes, skippedFiles, resumedBytes } = result;
  const rest = [
    skippedFiles > 0 ? `${skippedFiles} were there` : '',
    resumedBytes > 0 ? `${sizeText(resumedBytes)} taken up` : '',
  ].filter(Boolean);
  const more = rest.length === 0 ? '' : ` (${rest.join(', ')})`;
  return `${files} file${files === 1 ? '' : 's'}, ${sizeText(bytes)} in ${seconds.toFixed(1)} s${more}`;
}

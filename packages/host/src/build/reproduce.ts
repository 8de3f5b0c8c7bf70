// Builds an image again from its manifest and its source, and says whether it is the same. What nobody but the owner of a key can make
// again, a signature, is left out of the question and said.
import { existsSync, mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { compareImages, type ImageComparison, type ImageDifference, openImageFile } from '../image/index.ts';
import { buildImage } from './build-image.ts';
import { compareInputs, compareOutputs } from './compare-manifest.ts';
import type { Manifest } from './manifest.ts';
import { openPlan, type PlanRequest } from './open-plan.ts';

export interface ReproduceRequest extends Omit<PlanRequest, 'settings'> {
  readonly manifest: Manifest;
  /** The image that the manifest is of, if it is at hand: then its bytes are compared, not only what is written about them. */
  readonly imagePath?: string;
  readonly signal?: AbortSignal;
}

export interface Reproduction {
  /** The same file, but for a signature. */
  readonly isEqual: boolean;
  /** PCR0, PCR1 and PCR2 are the same: metadata and header are in none. */
  readonly isMeasuredEqual: boolean;
  /** Of the manifest: with `local` the same bytes come only from the same compiler. */
  readonly toolchain: 'ledger' | 'local';
  /** By its manifest, or later: `sign-eif` signs what was built. */
  readonly signed: boolean;
  /** What went in comes first. */
  readonly differences: readonly ImageDifference[];
}

/** Throws what `openPlan`, `buildImage` and `compareImages` throw. */
export async function reproduceImage(request: ReproduceRequest): Promise<Reproduction> {
  const { manifest, imagePath, signal, ...rest } = request;
  const folder = mkdtempSync(join(tmpdir(), 'caisson-reproduce-'));
  try {
    const output = join(folder, 'again.eif');
    const plan = await openPlan({ ...rest, settings: manifest.settings });
    try {
      const { progress } = request;
      const again = await buildImage(plan, output, {
        ...(progress !== undefined && { progress }),
        ...(signal !== undefined && { signal }),
      });
      const written = compareOutputs(manifest, again.manifest);
      const bytes =
        imagePath !== undefined && existsSync(imagePath)
          ? withoutSignature(await compareFiles(imagePath, output))
          : null;
      const outputs = written.length > 0 || bytes === null ? written : bytes.differences;
      return {
        isEqual: outputs.length === 0,
        isMeasuredEqual: bytes?.isMeasuredEqual ?? !outputs.some(({ place }) => /^PCR[012]$/.test(place)),
        toolchain: manifest.toolchain,
        signed: manifest.signed || bytes?.isSigned === true,
        differences: [...(outputs.length === 0 ? [] : compareInputs(manifest, again.manifest)), ...outputs],
      };
    } finally {
      await plan.close();
    }
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
}

/** The differences without those of a signature that only the left image has. */
function withoutSignature({ differences, isMeasuredEqual }: ImageComparison): ImageComparison & { isSigned: boolean } {
  const isOfSignature = ({ place, left, right }: ImageDifference): boolean =>
    right === null &&
    (place.startsWith('signature.') || (left === 'signature' && /^section\[\d+\]\.kind$/.test(place)));
  const kept = differences.filter((difference) => !isOfSignature(difference));
  return { isMeasuredEqual, differences: kept, isEqual: kept.length === 0, isSigned: kept.length < differences.length };
}

export async function compareFiles(left: string, right: string): ReturnType<typeof compareImages> {
  const one = await openImageFile(left);
  try {
    const other = await openImageFile(right);
    try {
      return await compareImages(one, other);
    } finally {
      await other.close();
    }
  } finally {
    await one.close();
  }
}

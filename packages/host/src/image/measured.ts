// What an image says of itself where it is measured: the profile in its boot ramdisk, image.json and the file roots of operators.json. Metadata says the same in
// more words and is in no PCR, so that whoever can write to the file can write it anew; this is what counts.
import type { StreamedCpioEntry } from '@caisson/core/cpio';
import { CaissonError, ParseError } from '@caisson/core/errors';
import {
  type ImageComponent,
  type ImageProfile,
  MAX_MEASURED_IMAGE_BYTES,
  MAX_MEASURED_OPERATORS_BYTES,
  type MeasuredFileRoot,
  type MeasuredImage,
  parseMeasuredImage,
  parseMeasuredOperators,
} from '@caisson/core/measured';
import type { ImageErrorCode } from './error-code.ts';

export interface MeasuredSummary {
  readonly profile: ImageProfile;
  /** `plain`: PID 1 runs the one command and there is no supervisor. */
  readonly init: 'caisson' | 'plain';
  /** Of image.json: undefined in a plain image, which has none, and where it is at fault. */
  readonly name: string | undefined;
  readonly version: string | undefined;
  readonly components: readonly ImageComponent[];
  /** Of operators.json: what `cp` may name in a production image. */
  readonly fileRoots: readonly MeasuredFileRoot[];
}

export interface MeasuredReader {
  /** Entries in their order; the last of several with one path is the one that the kernel keeps. */
  add(ramdisk: number, entry: StreamedCpioEntry): Promise<void>;
  /** undefined for an image of another builder. */
  finish(faults: CaissonError[]): MeasuredSummary | undefined;
  /** After `finish`: image.json whole, where the image has a supervisor and it is sound. */
  readonly image: MeasuredImage | undefined;
}

// Given: the layout of our images (docs/build.md).
const [profilePath, supervisorPath, imagePath] = ['profile', 'supervisor', 'rootfs/etc/caisson/image.json'];
const operatorsPath = 'rootfs/etc/caisson/operators.json';
const maxProfileBytes = 64;

export function createMeasuredReader(): MeasuredReader {
  let profile: string | undefined;
  let image: Uint8Array | null | undefined;
  let operators: Uint8Array | null | undefined;
  let hasSupervisor = false;
  let parsed: MeasuredImage | undefined;
  return {
    get image() {
      return parsed;
    },
    async add(ramdisk, entry) {
      const { path } = entry;
      if (ramdisk === 0 && path === supervisorPath) hasSupervisor = true;
      if (ramdisk === 0 && path === profilePath) {
        const bytes = await readSmall(entry, maxProfileBytes);
        profile = bytes === null ? '' : Buffer.from(bytes).toString('latin1');
      }
      if (ramdisk > 0 && path === imagePath) image = await readSmall(entry, MAX_MEASURED_IMAGE_BYTES);
      if (ramdisk > 0 && path === operatorsPath) operators = await readSmall(entry, MAX_MEASURED_OPERATORS_BYTES);
    },
    finish(faults) {
      if (profile === undefined) return undefined;
      const word = profile.replace(/\n$/, '');
      if (word !== 'development' && word !== 'production') {
        faults.push(
          fault(`profile of the boot ramdisk must be development or production, got ${JSON.stringify(word)}`),
        );
        return undefined;
      }
      const found = hasSupervisor ? readImage(image, faults) : undefined;
      parsed = found;
      if (found !== undefined && found.profile !== word) {
        faults.push(
          fault(`profile of /etc/caisson/image.json must be that of the boot ramdisk, ${word}, got ${found.profile}`),
        );
      }
      const { name, version, components = [] } = found ?? {};
      const fileRoots = found?.components.includes('control') ? readFileRoots(operators, faults) : [];
      return { profile: word, init: hasSupervisor ? 'caisson' : 'plain', name, version, components, fileRoots };
    },
  };
}

function readImage(bytes: Uint8Array | null | undefined, faults: CaissonError[]): MeasuredImage | undefined {
  try {
    if (bytes === undefined)
      throw fault('/etc/caisson/image.json must be there, because the boot ramdisk has a supervisor');
    if (bytes === null)
      throw fault(`/etc/caisson/image.json must be a file of at most ${MAX_MEASURED_IMAGE_BYTES} bytes`);
    return parseMeasuredImage(bytes);
  } catch (error) {
    if (!(error instanceof CaissonError)) throw error;
    faults.push(error.code === 'IMAGE_MEASURED' ? error : fault(`/etc/caisson/image.json: ${error.message}`, error));
    return undefined;
  }
}

/** Without the component `control` nobody reads the file. */
function readFileRoots(bytes: Uint8Array | null | undefined, faults: CaissonError[]): readonly MeasuredFileRoot[] {
  const place = '/etc/caisson/operators.json';
  try {
    if (bytes) return parseMeasuredOperators(bytes).fileRoots ?? [];
    faults.push(fault(`${place} must be a file of at most ${MAX_MEASURED_OPERATORS_BYTES} bytes`));
  } catch (error) {
    if (!(error instanceof CaissonError)) throw error;
    faults.push(fault(`${place}: ${error.message}`, error));
  }
  return [];
}

async function readSmall({ kind, size, content }: StreamedCpioEntry, maxBytes: number): Promise<Uint8Array | null> {
  if (kind !== 'file' || size > maxBytes) return null;
  const parts: Uint8Array[] = [];
  for await (const piece of content()) parts.push(piece.slice());
  return Buffer.concat(parts);
}

function fault(message: string, cause?: unknown): ParseError<ImageErrorCode> {
  return new ParseError('IMAGE_MEASURED', message, cause === undefined ? {} : { cause });
}

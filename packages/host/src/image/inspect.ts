// Everything about an image at once, for people and for `validate`: what it is made of, who signed it, what is in its ramdisks, and every
// fault of it. It describes damaged files too; who needs a sound one asks `measureImage`.
import { createHash } from 'node:crypto';
import { crc32 } from 'node:zlib';
import type { CpioKind, StreamedCpioEntry } from '@caisson/core/cpio';
import {
  type EifCertificate,
  type EifSurvey,
  extendZero,
  faultsOfEifSignature,
  parseEifSignature,
  surveyEif,
} from '@caisson/core/eif';
import { CaissonError, ParseError } from '@caisson/core/errors';
import type { ImageFile } from './image-file.ts';
import { ramdisksOf } from './list-file.ts';
import { createMeasuredReader, type MeasuredSummary } from './measured.ts';
import { isReadable, openRamdisk, type RamdiskForm, readRamdiskForm } from './ramdisk.ts';

export interface RamdiskSummary {
  readonly form: RamdiskForm;
  /** Entries by kind; undefined for a form that is not opened. */
  readonly entries: Readonly<Record<CpioKind, number>> | undefined;
  /** Of the contents of all files. */
  readonly fileBytes: number;
  /** The first names of all paths, in their order. */
  readonly top: readonly string[];
  /** Lines of the file `cmd`, which AWS's init and ours run. */
  readonly command: readonly string[] | undefined;
}

export interface ImageInspection {
  readonly size: number;
  readonly survey: EifSurvey;
  readonly certificate: EifCertificate | undefined;
  /** Extended with the certificate, whether the signature holds or not. */
  readonly pcr8: Uint8Array | undefined;
  /** Whether the signature is over this PCR0 by that certificate, dates aside; undefined without a signature. */
  readonly signatureHolds: boolean | undefined;
  readonly ramdisks: readonly RamdiskSummary[];
  /** What it says of itself where it is measured; undefined for an image of another builder. */
  readonly measured: MeasuredSummary | undefined;
  readonly faults: readonly CaissonError[];
}

// Chosen: a person reads no more, and a hostile archive could have a million.
const maxFaultsPerRamdisk = 100;
const maxTopNames = 32;
const maxCommandBytes = 65_536;

/** `at` is unix seconds for the certificate's dates; undefined: not looked at. Throws for what is no EIF at all, and for what cannot be read. */
export async function inspectImage(file: ImageFile, at?: number): Promise<ImageInspection> {
  const survey = await surveyEif(file, () => createHash('sha384'), { crc32 });
  const faults: CaissonError[] = [...survey.faults];
  const signed = await inspectSignature(survey, at, faults);
  const ramdisks: RamdiskSummary[] = [];
  const reader = createMeasuredReader();
  for (const [index, section] of ramdisksOf(survey.sections).entries()) {
    const form = await readRamdiskForm(file, section);
    const summary = createSummary(index, faults);
    try {
      if (isReadable(form)) {
        for await (const entry of openRamdisk(file, section)) {
          await summary.add(entry);
          await reader.add(index, entry);
        }
      }
    } catch (error) {
      if (!(error instanceof CaissonError) || error.code === 'IMAGE_CHANGED') throw error;
      faults.push(new ParseError(error.code, `ramdisk ${index}: ${error.message}`, { cause: error }));
    }
    ramdisks.push(summary.finish(form));
  }
  const measured = reader.finish(faults);
  await file.requireUnchanged();
  return { size: file.size, survey, ...signed, ramdisks, measured, faults };
}

async function inspectSignature(
  { signature: section, measurements }: EifSurvey,
  at: number | undefined,
  faults: CaissonError[],
): Promise<Pick<ImageInspection, 'certificate' | 'pcr8' | 'signatureHolds'>> {
  const none = { certificate: undefined, pcr8: undefined };
  if (section === undefined) return { ...none, signatureHolds: undefined };
  try {
    const signature = parseEifSignature(section);
    const { certificate } = signature;
    const sha384 = () => createHash('sha384');
    const pcr8 = await extendZero(sha384().update(certificate.der).digest(), sha384);
    if (measurements === undefined) return { certificate, pcr8, signatureHolds: false };
    const broken = await faultsOfEifSignature(signature, {
      pcr0: measurements.pcr0,
      ...(at !== undefined && { at }),
    });
    faults.push(...broken);
    return { certificate, pcr8, signatureHolds: broken.every(({ code }) => code === 'EIF_SIGNATURE_DATE') };
  } catch (error) {
    if (!(error instanceof CaissonError)) throw error;
    faults.push(error);
    return { ...none, signatureHolds: false };
  }
}

function createSummary(index: number, faults: CaissonError[]) {
  const entries: Record<CpioKind, number> = { file: 0, directory: 0, symlink: 0, character: 0, block: 0, fifo: 0 };
  const seen = new Map<string, CpioKind>();
  const top = new Set<string>();
  let [fileBytes, faulty] = [0, 0];
  let command: string[] | undefined;
  const refuse = (code: string, message: string): void => {
    faulty += 1;
    if (faulty <= maxFaultsPerRamdisk) faults.push(new ParseError(code, `ramdisk ${index}: ${message}`));
  };
  return {
    async add(entry: StreamedCpioEntry) {
      const { path, kind, size, fault } = entry;
      entries[kind] += 1;
      fileBytes += size;
      if (fault !== undefined) refuse(fault.code, fault.message);
      // Folders twice are what tools write that join archives; of anything else the kernel keeps the last, a lister shows the first.
      const earlier = seen.get(path);
      if (earlier !== undefined && !(earlier === 'directory' && kind === 'directory')) {
        refuse('CPIO_DUPLICATE', `${JSON.stringify(path)} must stand once in an archive`);
      }
      seen.set(path, kind);
      if (top.size < maxTopNames) top.add(path.split('/', 1)[0]!);
      if (path === 'cmd' && kind === 'file' && size <= maxCommandBytes) command = await linesOf(entry);
    },
    finish: (form: RamdiskForm): RamdiskSummary => ({
      form,
      entries: isReadable(form) ? entries : undefined,
      fileBytes,
      top: [...top],
      command,
    }),
  };
}

async function linesOf(entry: StreamedCpioEntry): Promise<string[]> {
  const parts: Uint8Array[] = [];
  for await (const piece of entry.content()) parts.push(piece.slice());
  return new TextDecoder().decode(Buffer.concat(parts)).replace(/\n$/, '').split('\n');
}

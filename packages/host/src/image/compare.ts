// Two images side by side: which section, which file, which field differs. Whatever can be named is named; at the end the bytes
// themselves decide, so that "no difference" means the same file.
import { createHash } from 'node:crypto';
import { crc32 } from 'node:zlib';
import { equalBytes, toHex } from '@caisson/core/bytes';
import { type EifSurvey, parseEifSignature, type SurveyedSection, surveyEif } from '@caisson/core/eif';
import { CaissonError } from '@caisson/core/errors';
import type { ImageFile } from './image-file.ts';
import { type ListedFile, listImageFiles, ramdisksOf } from './list-file.ts';
import { isReadable, readRamdiskForm } from './ramdisk.ts';

export interface ImageDifference {
  /** `header.version`, `section[3] ramdisk.size`, `metadata.BuildMetadata.BuildTime`, `ramdisk[1] rootfs/app/a.mjs.mode`. */
  readonly place: string;
  /** As text; null where that side has none. */
  readonly left: string | null;
  readonly right: string | null;
}

export interface ImageComparison {
  /** Byte for byte. */
  readonly isEqual: boolean;
  /** Whether PCR0, PCR1 and PCR2 are the same: metadata and signature are in none. */
  readonly isMeasuredEqual: boolean;
  readonly differences: readonly ImageDifference[];
}

type Side = string | null;
type Note = (place: string, left: Side | undefined, right: Side | undefined) => void;
const pieceBytes = 1_048_576;

/** Throws what `surveyEif` and `listImageFiles` throw. */
export async function compareImages(left: ImageFile, right: ImageFile): Promise<ImageComparison> {
  const sha384 = () => createHash('sha384');
  const [a, b] = [await surveyEif(left, sha384, { crc32 }), await surveyEif(right, sha384, { crc32 })];
  const differences: ImageDifference[] = [];
  const note: Note = (place, one, other) => {
    if (one !== other) differences.push({ place, left: one ?? null, right: other ?? null });
  };
  for (const name of ['version', 'architecture', 'defaultMemoryBytes', 'defaultCpus'] as const) {
    note(`header.${name}`, String(a.header[name]), String(b.header[name]));
  }
  const measured = compareMeasurements(a, b, note);
  compareSections(a, b, note);
  note('cmdline', a.cmdline, b.cmdline);
  compareFields('metadata', flatten(a.metadata), flatten(b.metadata), note);
  compareFields('signature', signatureFields(a), signatureFields(b), note);
  await compareRamdisks([left, a], [right, b], note);
  const isEqual = await isSame(left, right);
  if (!isEqual && differences.length === 0) note('bytes outside of every field', 'one', 'another');
  await left.requireUnchanged();
  await right.requireUnchanged();
  return { isEqual, isMeasuredEqual: measured, differences };
}

function compareMeasurements(a: EifSurvey, b: EifSurvey, note: Note): boolean {
  for (const name of ['pcr0', 'pcr1', 'pcr2'] as const) {
    const [one, other] = [a, b].map(({ measurements }) => measurements && toHex(measurements[name]));
    note(name.toUpperCase(), one, other);
  }
  const [one, other] = [a.measurements, b.measurements];
  return (
    one !== undefined &&
    other !== undefined &&
    equalBytes(one.pcr0, other.pcr0) &&
    equalBytes(one.pcr1, other.pcr1) &&
    equalBytes(one.pcr2, other.pcr2)
  );
}

function compareSections(a: EifSurvey, b: EifSurvey, note: Note): void {
  for (let index = 0; index < Math.max(a.sections.length, b.sections.length); index += 1) {
    const [one, other] = [a.sections[index], b.sections[index]];
    if (one?.kind !== other?.kind) {
      note(`section[${index}].kind`, one?.kind, other?.kind);
      continue;
    }
    const place = `section[${index}] ${one!.kind}`;
    note(`${place}.size`, String(one!.size), String(other!.size));
    note(`${place}.sha384`, toHex(one!.sha384), toHex(other!.sha384));
  }
}

function compareFields(
  place: string,
  left: ReadonlyMap<string, string>,
  right: ReadonlyMap<string, string>,
  note: Note,
): void {
  for (const key of new Set([...left.keys(), ...right.keys()])) note(`${place}${key}`, left.get(key), right.get(key));
}

function flatten(value: unknown, path = '', into = new Map<string, string>()): Map<string, string> {
  if (typeof value === 'object' && value !== null && Object.keys(value).length > 0) {
    for (const [key, member] of Object.entries(value)) {
      flatten(member, Array.isArray(value) ? `${path}[${key}]` : `${path}.${key}`, into);
    }
  } else if (value !== undefined) into.set(path, JSON.stringify(value));
  return into;
}

function signatureFields({ signature }: EifSurvey): Map<string, string> {
  const fields = new Map<string, string>();
  if (signature === undefined) return fields;
  try {
    const { certificate, message } = parseEifSignature(signature);
    const hash = (bytes: Uint8Array): string => createHash('sha384').update(bytes).digest('hex');
    fields.set('.certificate.sha384', hash(certificate.der));
    fields.set('.certificate.notBefore', String(certificate.notBefore));
    fields.set('.certificate.notAfter', String(certificate.notAfter));
    fields.set('.message.sha384', hash(message));
  } catch (error) {
    if (!(error instanceof CaissonError)) throw error;
    fields.set('.fault', error.message);
  }
  return fields;
}

async function compareRamdisks(
  [left, a]: readonly [ImageFile, EifSurvey],
  [right, b]: readonly [ImageFile, EifSurvey],
  note: Note,
): Promise<void> {
  const [ones, others] = [ramdisksOf(a.sections), ramdisksOf(b.sections)];
  for (let index = 0; index < Math.min(ones.length, others.length); index += 1) {
    const [one, other] = [ones[index]!, others[index]!];
    // Which is most of them, most of the time.
    if (equalBytes(one.sha384, other.sha384)) continue;
    const forms = [await readRamdiskForm(left, one), await readRamdiskForm(right, other)] as const;
    note(`ramdisk[${index}].form`, ...forms);
    if (!forms.every(isReadable)) continue;
    const order = `ramdisk[${index}]`;
    const [before, after] = [await treeOf(left, one), await treeOf(right, other)];
    note(`${order}.fault`, before.fault, after.fault);
    const trees = [before.tree, after.tree] as const;
    for (const path of new Set([...trees[0].keys(), ...trees[1].keys()])) {
      compareFiles(`${order} ${path}`, trees[0].get(path), trees[1].get(path), note);
    }
    const [first, second] = trees.map((tree) => [...tree.keys()].join('\0'));
    const isSameSet = trees[0].size === trees[1].size && [...trees[0].keys()].every((path) => trees[1].has(path));
    if (isSameSet && first !== second) note(`${order}.order`, 'one order of entries', 'another');
  }
}

/** Reads as much as possible: a truncated archive is compared up to where it ends, and by where it ends. */
async function treeOf(
  file: ImageFile,
  section: SurveyedSection,
): Promise<{ tree: Map<string, ListedFile>; fault: Side }> {
  const tree = new Map<string, ListedFile>();
  try {
    for await (const one of listImageFiles(file, [section])) {
      // A path that stands twice is two entries, not one.
      let key = one.path;
      for (let again = 2; tree.has(key); again += 1) key = `${one.path} (${again})`;
      tree.set(key, one);
    }
    return { tree, fault: null };
  } catch (error) {
    if (!(error instanceof CaissonError) || error.code === 'IMAGE_CHANGED') throw error;
    return { tree, fault: error.message };
  }
}

function compareFiles(place: string, left: ListedFile | undefined, right: ListedFile | undefined, note: Note): void {
  if (left === undefined || right === undefined) {
    note(place, left?.kind, right?.kind);
    return;
  }
  for (const field of ['kind', 'mode', 'uid', 'gid', 'mtime', 'size', 'sha384', 'target', 'device'] as const) {
    const [one, other] = [left[field], right[field]];
    note(`${place}.${field}`, one === undefined ? null : String(one), other === undefined ? null : String(other));
  }
}

async function isSame(left: ImageFile, right: ImageFile): Promise<boolean> {
  if (left.size !== right.size) return false;
  for (let at = 0; at < left.size; at += pieceBytes) {
    const length = Math.min(pieceBytes, left.size - at);
    if (Buffer.compare(await left.read(at, length), await right.read(at, length)) !== 0) return false;
  }
  return true;
}

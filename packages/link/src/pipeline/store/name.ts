// Names of files that a peer has chosen, before any of them is opened (P-P4). What the kernel would read in another way than the person who
// allowed it is refused here: `..`, an absolute path inside a tree, a control character on somebody's terminal.
import { toUtf8 } from '@caisson/core/bytes';
import { ParseError } from '@caisson/core/errors';
import { plain } from '@caisson/core/log';
import type { PipelineErrorCode } from '../error-code.ts';

// Given: P-P4.
const maxNameBytes = 255;
export const MAX_COMPONENTS = 64;
// Chosen.
const maxPathBytes = 4_096;
const controls = /\p{Cc}/u;
/** Temporary files of this house (docs/wire/state.md), which no transfer may bring or take. */
const ours = /^\.caisson-/;

/** `a/b/c`, relative, as its components; '' is the top itself. Throws ParseError PIPELINE_NAME. */
export function parseRelativePath(path: string, what = 'path'): readonly string[] {
  if (path === '') return [];
  const names = path.split('/');
  if (names.length > MAX_COMPONENTS) throw refused(what, path, `at most ${MAX_COMPONENTS} components`);
  if (toUtf8(path).length > maxPathBytes) throw refused(what, path, `at most ${maxPathBytes} bytes`);
  for (const name of names) verifyName(name, what, path);
  return names;
}

/** Throws ParseError PIPELINE_NAME. */
export function verifyName(name: string, what: string, path = name): void {
  if (name === '' || name === '.' || name === '..') throw refused(what, path, "names other than '', '.' and '..'");
  if (!name.isWellFormed() || controls.test(name))
    throw refused(what, path, 'names of UTF-8 without control characters');
  if (toUtf8(name).length > maxNameBytes) throw refused(what, path, `names of at most ${maxNameBytes} bytes`);
  if (ours.test(name)) throw refused(what, path, "names that do not begin with '.caisson-'");
}

/** Whether a listed name is a leftover of ours, which nobody meant to copy. */
export function isOwnTemporary(name: string): boolean {
  return ours.test(name);
}

/** By UTF-8 bytes: the order in which a tree is sent, so that a name that comes twice is noticed without a memory of all. */
export function compareNames(one: string, other: string): number {
  if (one === other) return 0;
  // UTF-16 orders as UTF-8 does but for surrogates.
  if (/[\ud800-\uffff]/.test(one) || /[\ud800-\uffff]/.test(other))
    return Buffer.compare(Buffer.from(one), Buffer.from(other));
  return one < other ? -1 : 1;
}

/** A folder before what is in it. */
export function comparePaths(one: readonly string[], other: readonly string[]): number {
  const shared = Math.min(one.length, other.length);
  for (let index = 0; index < shared; index += 1) {
    const order = compareNames(one[index]!, other[index]!);
    if (order !== 0) return order;
  }
  return one.length - other.length;
}

/**
 * A link that stays below the top of its tree wherever the tree lies: `..` only in front, and no more of them than there are folders
 * above the link. Behind a name `..` could be the parent of another place, which a second link has chosen. Throws ParseError
 * PIPELINE_LINK.
 */
export function verifyLinkTarget(path: readonly string[], target: string): void {
  const words = target.split('/');
  const ups = words.findIndex((word) => word !== '..');
  const rest = ups < 0 ? [] : words.slice(ups);
  const depth = ups < 0 ? words.length : ups;
  const isSound =
    toUtf8(target).length <= maxPathBytes &&
    target.isWellFormed() &&
    !controls.test(target) &&
    words.length <= MAX_COMPONENTS &&
    depth <= path.length - 1 &&
    rest.every((word, index) => word !== '..' && (word !== '' || (index > 0 && index === rest.length - 1)));
  if (isSound && target !== '') return;
  throw new ParseError<PipelineErrorCode>(
    'PIPELINE_LINK',
    `link ${plain(path.join('/'))} must lead to a place inside the copied tree, got ${plain(target)}`,
    { hint: 'make the link relative, or copy what it leads to' },
  );
}

function refused(what: string, path: string, rule: string): ParseError<PipelineErrorCode> {
  return new ParseError('PIPELINE_NAME', `${what} must have ${rule}, got ${plain(path.slice(0, 300))}`);
}

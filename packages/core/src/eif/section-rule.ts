// Which sections an image has, by version: kernel and command line once, a ramdisk at least once, signature at most once and
// from version 3, metadata from version 4 and then always. Held by both readers, so that they cannot differ.
import { ParseError } from '../errors/index.ts';
import type { EifErrorCode } from './error-code.ts';
import type { EifSectionKind } from './form.ts';

/** Everything that is wrong with this list of sections. A section of an unknown type is undefined here; that fault is reported elsewhere. */
export function faultsOfSections(
  version: number,
  kinds: readonly (EifSectionKind | undefined)[],
): ParseError<EifErrorCode>[] {
  const faults: ParseError<EifErrorCode>[] = [];
  const refuse = (message: string): void => void faults.push(new ParseError('EIF_SECTION', message));
  const countOf = (kind: EifSectionKind): number => kinds.filter((one) => one === kind).length;
  const requireOne = (kind: EifSectionKind, least: 0 | 1): void => {
    const count = countOf(kind);
    if (count >= least && count <= 1) return;
    refuse(`EIF must have ${least === 1 ? 'one' : 'at most one'} ${kind} section, got ${count}`);
  };
  requireOne('kernel', 1);
  requireOne('cmdline', 1);
  if (countOf('ramdisk') === 0) refuse('EIF must have at least one ramdisk section, got 0');
  requireOne('signature', 0);
  requireOne('metadata', version >= 4 ? 1 : 0);
  for (const [kind, since] of [
    ['signature', 3],
    ['metadata', 4],
  ] as const) {
    if (version < since && countOf(kind) > 0)
      refuse(`EIF version ${version} must have no ${kind} section, which version ${since} brought`);
  }
  return faults;
}

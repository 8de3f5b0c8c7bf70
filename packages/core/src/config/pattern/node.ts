// A pattern of a config schema as a tree, and its bounds. The language is a part of ECMAScript's regular expressions under the u flag, chosen
// so that matching takes time linear in the text: no backreference, no look-around (docs/config-schema.md lists it).

/** Code points from `first` to `last`, both inclusive; pairs in order, apart from each other. */
export type CodeRanges = readonly (readonly [first: number, last: number])[];

export type PatternNode =
  | { readonly kind: 'set'; readonly ranges: CodeRanges }
  | { readonly kind: 'sequence'; readonly parts: readonly PatternNode[] }
  | { readonly kind: 'choice'; readonly options: readonly PatternNode[] }
  /** `most` Infinity: as often as it likes. */
  | { readonly kind: 'repeat'; readonly part: PatternNode; readonly least: number; readonly most: number }
  | { readonly kind: 'begin' }
  | { readonly kind: 'end' };

// Chosen: a pattern is written by hand; what it expands to bounds the work for one character of text.
export const maxPatternCharacters = 1_000;
export const maxPatternSteps = 1_000;
export const maxPatternDepth = 32;
export const lastCodePoint = 0x10ffff;

/** Sorted and merged. */
export function unite(ranges: CodeRanges): CodeRanges {
  const united: [number, number][] = [];
  for (const [first, last] of [...ranges].sort(([left], [right]) => left - right)) {
    const open = united.at(-1);
    if (open !== undefined && first <= open[1] + 1) open[1] = Math.max(open[1], last);
    else united.push([first, last]);
  }
  return united;
}

/** Every code point that is not in `ranges`, which need not be sorted. */
export function complement(ranges: CodeRanges): CodeRanges {
  const others: [number, number][] = [];
  let next = 0;
  for (const [first, last] of unite(ranges)) {
    if (first > next) others.push([next, first - 1]);
    next = last + 1;
  }
  if (next <= lastCodePoint) others.push([next, lastCodePoint]);
  return others;
}

// Matching by Thompson's construction: the tree becomes a list of steps, and a text is read once with the set of all steps that could
// be next. Time is at most text length times steps, whatever both say: `(a+)+$` costs what `a+$` does.
import { LimitError } from '../../errors/index.ts';
import type { ConfigErrorCode } from '../error-code.ts';
import { type CodeRanges, maxPatternSteps, type PatternNode } from './node.ts';
import { parsePattern } from './parse.ts';

type Step =
  | { readonly kind: 'set'; readonly ranges: CodeRanges }
  | { readonly kind: 'split'; first: number; second: number }
  | { readonly kind: 'begin' }
  | { readonly kind: 'end' }
  | { readonly kind: 'match' };

export interface Pattern {
  readonly steps: readonly Step[];
}

/** Work that is left, shared by everything one check does; below zero the text was too long for its patterns. */
export interface MatchBudget {
  steps: number;
}

/** Throws ParseError CONFIG_SCHEMA, LimitError CONFIG_SCHEMA_LIMIT. */
export function compilePattern(text: string): Pattern {
  const steps: Step[] = [];
  emit(parsePattern(text), steps);
  push(steps, { kind: 'match' });
  return { steps };
}

/** Whether the pattern matches anywhere in `text`, as `RegExp.prototype.test` under the u flag; undefined when the budget ran out. */
export function isMatch(pattern: Pattern, text: string, budget: MatchBudget): boolean | undefined {
  const { steps } = pattern;
  let current = new StepSet(steps.length);
  let next = new StepSet(steps.length);
  for (let at = 0; ; ) {
    // Every place may be the first of a match.
    current.add(0);
    if (follow(steps, current, at === 0, at === text.length)) return true;
    budget.steps -= current.size + 1;
    if (budget.steps < 0) return undefined;
    if (at === text.length) return false;
    const code = text.codePointAt(at)!;
    next.clear();
    for (let index = 0; index < current.size; index += 1) {
      const number = current.at(index);
      const step = steps[number]!;
      if (step.kind === 'set' && isWithin(step.ranges, code)) next.add(number + 1);
    }
    [current, next] = [next, current];
    at += code > 0xffff ? 2 : 1;
  }
}

/** Adds what can be reached without reading; true when that is the end of the pattern. */
function follow(steps: readonly Step[], set: StepSet, isBegin: boolean, isEnd: boolean): boolean {
  // The set grows while it is walked; nothing enters it twice, so the walk ends.
  for (let index = 0; index < set.size; index += 1) {
    const number = set.at(index);
    const step = steps[number]!;
    if (step.kind === 'match') return true;
    if (step.kind === 'split') {
      set.add(step.first);
      set.add(step.second);
    } else if ((step.kind === 'begin' && isBegin) || (step.kind === 'end' && isEnd)) {
      set.add(number + 1);
    }
  }
  return false;
}

function isWithin(ranges: CodeRanges, code: number): boolean {
  let [low, high] = [0, ranges.length];
  while (low < high) {
    const middle = (low + high) >> 1;
    if (ranges[middle]![1] < code) low = middle + 1;
    else high = middle;
  }
  return low < ranges.length && ranges[low]![0] <= code;
}

function emit(node: PatternNode, steps: Step[]): void {
  switch (node.kind) {
    case 'sequence':
      for (const part of node.parts) emit(part, steps);
      return;
    case 'choice':
      emitChoice(node.options, steps);
      return;
    case 'repeat':
      emitRepeat(node.part, node.least, node.most, steps);
      return;
    default:
      push(steps, node);
  }
}

function emitChoice(options: readonly PatternNode[], steps: Step[]): void {
  const ends: Split[] = [];
  for (const [index, option] of options.entries()) {
    const isLast = index === options.length - 1;
    const split = isLast ? undefined : pushSplit(steps);
    emit(option, steps);
    if (!isLast) ends.push(pushSplit(steps));
    if (split !== undefined) split.second = steps.length;
  }
  for (const end of ends) end.first = end.second = steps.length;
}

function emitRepeat(part: PatternNode, least: number, most: number, steps: Step[]): void {
  for (let count = 0; count < least; count += 1) emitOnce(part, steps);
  if (most === Number.POSITIVE_INFINITY) {
    const start = steps.length;
    const split = pushSplit(steps);
    emit(part, steps);
    const back = pushSplit(steps);
    back.first = back.second = start;
    split.second = steps.length;
    return;
  }
  const skips: Split[] = [];
  for (let count = least; count < most; count += 1) {
    skips.push(pushSplit(steps));
    emitOnce(part, steps);
  }
  for (const skip of skips) skip.second = steps.length;
}

/** A part that becomes no step would make a count of it cost nothing but time; the step that is added bounds that time too. */
function emitOnce(part: PatternNode, steps: Step[]): void {
  const before = steps.length;
  emit(part, steps);
  if (steps.length === before) pushSplit(steps);
}

type Split = Step & { readonly kind: 'split' };

/** Until they are set, both branches lead to the next step. */
function pushSplit(steps: Step[]): Split {
  const split: Split = { kind: 'split', first: steps.length + 1, second: steps.length + 1 };
  push(steps, split);
  return split;
}

function push(steps: Step[], step: Step): void {
  if (steps.length >= maxPatternSteps) {
    throw new LimitError<ConfigErrorCode>(
      'CONFIG_SCHEMA_LIMIT',
      `pattern must come to at most ${maxPatternSteps} steps with its counts written out, got more`,
    );
  }
  steps.push(step);
}

/** Small integers in the order of their coming, each once; cleared in no time (Briggs and Torczon). */
class StepSet {
  readonly #dense: Uint16Array;
  readonly #sparse: Uint16Array;
  size = 0;

  constructor(length: number) {
    this.#dense = new Uint16Array(length);
    this.#sparse = new Uint16Array(length);
  }

  at(index: number): number {
    return this.#dense[index]!;
  }

  add(number: number): void {
    const index = this.#sparse[number]!;
    if (index < this.size && this.#dense[index] === number) return;
    this.#dense[this.size] = number;
    this.#sparse[number] = this.size;
    this.size += 1;
  }

  clear(): void {
    this.size = 0;
  }
}

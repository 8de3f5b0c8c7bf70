// The mutants of a source file: every comparison, connective, condition, return, refusal, literal truth and number turned into what a
// slip would write. It works on the text with comments, strings and patterns blanked out, so that only code is changed; what no
// longer parses is left out, because it would be found without a test.
import { stripTypeScriptTypes } from 'node:module';

export type MutantKind = 'comparison' | 'connective' | 'condition' | 'return' | 'refusal' | 'truth' | 'bound';

export interface Mutant {
  readonly file: string;
  /** From 1. */
  readonly line: number;
  readonly kind: MutantKind;
  /** The source line, trimmed, and what was done to it: how a ledger names a mutant while lines move. */
  readonly source: string;
  readonly change: string;
  /** The whole text of the file with this one change. */
  readonly text: string;
}

interface Edit {
  readonly kind: MutantKind;
  readonly start: number;
  readonly end: number;
  readonly to: string;
}

const opposite: Readonly<Record<string, string>> = {
  '<': '<=',
  '<=': '<',
  '>': '>=',
  '>=': '>',
  '===': '!==',
  '!==': '===',
  '&&': '||',
  '||': '&&',
  '??': '&&',
  every: 'some',
  some: 'every',
  true: 'false',
  false: 'true',
};

/** In the order of the text. */
export function mutantsOf(file: string, text: string): Mutant[] {
  const code = withoutTypes(blanked(text));
  const edits = [...swaps(code), ...conditions(code), ...statements(code), ...numbers(code)];
  return edits
    .sort((left, right) => left.start - right.start || left.to.localeCompare(right.to))
    .map(({ kind, start, end, to }) => {
      const lineStart = text.lastIndexOf('\n', start - 1) + 1;
      const from = text.slice(start, end).replace(/\s+/g, ' ');
      return {
        file,
        line: text.slice(0, start).split('\n').length,
        kind,
        source: text.slice(lineStart, text.indexOf('\n', start)).trim(),
        change: `${start - lineStart - indent(text, lineStart)}: ${from} -> ${to}`,
        text: text.slice(0, start) + to + text.slice(end),
      };
    })
    .filter((mutant) => isCode(mutant.text));
}

function swaps(code: string): Edit[] {
  const of = (pattern: RegExp, kind: MutantKind): Edit[] =>
    [...code.matchAll(pattern)].map((match) => {
      const [start, end] = match.indices![1]!;
      return { kind, start, end, to: opposite[match[1]!]! };
    });
  return [
    ...of(/\s(<=?|>=?|===|!==)\s/dg, 'comparison'),
    ...of(/\s(&&|\|\||\?\?)\s/dg, 'connective'),
    ...of(/\.(every|some)\(/dg, 'connective'),
    ...of(/\b(true|false)\b/dg, 'truth'),
    // A negation that is lost; an assertion of presence stands behind a value, not before it.
    ...[...code.matchAll(/(?<=[\s(])!(?=[\w(])/g)].map(({ index }) => edit('condition', index, index + 1, '')),
  ];
}

function conditions(code: string): Edit[] {
  return [...code.matchAll(/\b(?:if|while) \(/g)].map((match) => {
    const open = match.index + match[0].length - 1;
    const close = closing(code, open);
    return edit('condition', open, close + 1, `(!${code.slice(open, close + 1)})`);
  });
}

// A return without its value, a refusal that is left out, and a check that is not made.
function statements(code: string): Edit[] {
  const whole = (pattern: RegExp, kind: MutantKind, to: string): Edit[] =>
    [...code.matchAll(pattern)].map((match) => {
      const [start] = match.indices![1]!;
      return edit(kind, start, statementEnd(code, start), to);
    });
  return [
    ...whole(/\b(return) (?!undefined;)/dg, 'return', 'return undefined as never;'),
    ...whole(/\b(return);/dg, 'return', ';'),
    ...whole(/\b(throw) /dg, 'refusal', ';'),
    ...whole(
      /^\s+((?:if \([^\n]+\) |else |for \([^\n]+\) )?(?:await )?(?:verify|require)\w+\([^\n]*;)$/dgm,
      'refusal',
      ';',
    ),
    ...whole(/^\s+(\w+\.end\(\);)$/dgm, 'refusal', ';'),
  ];
}

function numbers(code: string): Edit[] {
  return [...code.matchAll(/(?<![\w.$])(?:0x[\da-f]+|\d[\d_]*)(?![\w.])/g)].flatMap(({ index, 0: digits }) => {
    const value = Number(digits.replaceAll('_', ''));
    return [value + 1, value - 1].map((to) => edit('bound', index, index + digits.length, String(to)));
  });
}

function edit(kind: MutantKind, start: number, end: number, to: string): Edit {
  return { kind, start, end, to };
}

function closing(code: string, open: number): number {
  let depth = 0;
  for (let place = open; place < code.length; place += 1) {
    if ('([{'.includes(code[place]!)) depth += 1;
    if (')]}'.includes(code[place]!)) depth -= 1;
    if (depth === 0) return place;
  }
  throw new Error(`no end of the bracket at ${open}`);
}

function statementEnd(code: string, start: number): number {
  for (let place = start; place < code.length; place += 1) {
    if ('([{'.includes(code[place]!)) place = closing(code, place);
    if (code[place] === ';') return place + 1;
  }
  throw new Error(`no end of the statement at ${start}`);
}

// Comments, strings and patterns. A template is found here by its first character and then followed to its end.
const notCode =
  /\/\/[^\n]*|\/\*[\s\S]*?\*\/|'(?:\\.|[^'\\\n])*'|`|(?<=[(,=] ?)\/(?:\\.|\[(?:\\.|[^\]\\\n])*\]|[^/\\\n[])+\/[a-z]*/g;

// Same length, same lines. Of a template all is blanked: what it says is for people.
function blanked(text: string): string {
  let code = '';
  let done = 0;
  for (const { 0: found, index } of text.matchAll(notCode)) {
    if (index < done) continue;
    const end = found === '`' ? templateEnd(text, index) : index + found.length;
    code += text.slice(done, index) + blank(text.slice(index, end));
    done = end;
  }
  return code + text.slice(done);
}

function templateEnd(text: string, start: number): number {
  let depth = 0;
  for (let place = start + 1; place < text.length; place += 1) {
    if (text[place] === '\\') place += 1;
    else if (depth === 0 && text[place] === '`') return place + 1;
    else if (text[place] === '`') place = templateEnd(text, place) - 1;
    else if (text.startsWith('${', place)) depth += 1;
    else if (depth > 0 && text[place] === '}') depth -= 1;
  }
  throw new Error(`no end of the template at ${start}`);
}

function withoutTypes(code: string): string {
  return code.replace(
    /^(?:export )?interface [^\n]*\{$[\s\S]*?^\}$|^(?:export )?type [^;]*;$|^import [\s\S]*?;$/gm,
    blank,
  );
}

function blank(text: string): string {
  return text.replace(/[^\n]/g, '~');
}

function indent(text: string, lineStart: number): number {
  return /^[ ]*/.exec(text.slice(lineStart))![0].length;
}

function isCode(text: string): boolean {
  try {
    stripTypeScriptTypes(text);
    return true;
  } catch {
    return false;
  }
}

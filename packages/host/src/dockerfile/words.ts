// Words of an instruction with quotes taken off and variables put in (docs.docker.com/reference/dockerfile, "Environment replacement"),
// in one pass: what a variable holds is never split and never read again.
import { form } from './parse.ts';

export interface WordRules {
  readonly line: number;
  readonly escapeChar: '\\' | '`';
  /** undefined: not set. */
  readonly lookUp: (name: string) => string | undefined;
  /** Where `=` separates words and quotes are kept out of names: false for one value. Default true. */
  readonly split?: boolean;
}

/** Throws ParseError DOCKERFILE_FORM for a quote or a brace that does not end, or a form of expansion that is not known. */
export function splitWords(text: string, rules: WordRules): string[] {
  const { line, escapeChar, lookUp, split = true } = rules;
  const words: string[] = [];
  let word = '';
  let isOpen = false;
  let quote = '';
  for (let at = 0; at < text.length; at += 1) {
    const char = text[at]!;
    if (char === escapeChar && quote !== "'") {
      const next = text[at + 1];
      // Inside of double quotes only what would mean something is escaped.
      if (next !== undefined && (quote === '' || next === '"' || next === '$' || next === escapeChar)) {
        word += next;
        at += 1;
      } else word += char;
      isOpen = true;
    } else if (quote !== '' && char === quote) quote = '';
    else if (quote === '' && (char === '"' || char === "'")) {
      quote = char;
      isOpen = true;
    } else if (char === '$' && quote !== "'") {
      const { value, length } = expand(text.slice(at), line, lookUp);
      word += value;
      at += length - 1;
      isOpen = true;
    } else if (quote === '' && split && /\s/.test(char)) {
      if (isOpen) words.push(word);
      word = '';
      isOpen = false;
    } else {
      word += char;
      isOpen = true;
    }
  }
  if (quote !== '') throw form(line, `a ${quote} must end on its instruction`);
  if (isOpen) words.push(word);
  return words;
}

/** One value: blanks are kept. */
export function expandText(text: string, rules: WordRules): string {
  return splitWords(text, { ...rules, split: false })[0] ?? '';
}

/** `text` begins with `$`. */
function expand(text: string, line: number, lookUp: WordRules['lookUp']): { value: string; length: number } {
  const plain = /^\$([A-Za-z_][A-Za-z0-9_]*|[0-9])/.exec(text);
  if (plain !== null) return { value: lookUp(plain[1]!) ?? '', length: plain[0].length };
  if (text[1] !== '{') return { value: '$', length: 1 };
  const braced = /^\$\{([A-Za-z_][A-Za-z0-9_]*)(?:(:?[-+])([^${}]*))?\}/.exec(text);
  if (braced === null) {
    throw form(
      line,
      `a variable must be \${NAME}, \${NAME:-word} or \${NAME:+word}, got ${JSON.stringify(text.slice(0, 30))}`,
    );
  }
  const [all, name = '', how, word = ''] = braced;
  const found = lookUp(name);
  const isSet = how?.startsWith(':') ? found !== undefined && found !== '' : found !== undefined;
  const value = how === undefined ? (found ?? '') : how.endsWith('-') ? (isSet ? found! : word) : isSet ? word : '';
  return { value, length: all.length };
}

/** The JSON form of CMD, ENTRYPOINT, COPY and SHELL; undefined when the text is in the other form. */
export function parseJsonWords(text: string): string[] | undefined {
  if (!text.startsWith('[')) return undefined;
  try {
    const words: unknown = JSON.parse(text);
    return Array.isArray(words) && words.every((word) => typeof word === 'string') ? words : undefined;
  } catch {
    // As Docker reads it: what is no JSON is a shell's words.
    return undefined;
  }
}

// A command line into words, without a shell: blanks separate, quotes and the backslash group, and nothing else means anything. No
// variables, globs, pipes or comments: what is measured is exactly what will run (docs/service.md).

export interface SplitFault {
  /** Characters into the text. */
  readonly at: number;
  readonly message: string;
}

/**
 * Single quotes keep everything. Double quotes keep all but `\"` and `\\`. Outside of both a backslash keeps the next character. An
 * empty pair of quotes is an empty word.
 */
export function splitWords(text: string): readonly string[] | SplitFault {
  const words: string[] = [];
  let word: string | undefined;
  for (let at = 0; at < text.length; at += 1) {
    const character = text[at] ?? '';
    if (/[ \t\r\n]/.test(character)) {
      if (word !== undefined) words.push(word);
      word = undefined;
    } else if (character === '\\') {
      at += 1;
      if (at === text.length) return { at: at - 1, message: 'has nothing after the backslash' };
      word = (word ?? '') + text[at];
    } else if (character === "'" || character === '"') {
      const quoted = readQuoted(text, at + 1, character);
      if (quoted === undefined) return { at, message: `has a quote ${character} that is not closed` };
      word = (word ?? '') + quoted.text;
      at = quoted.end;
    } else {
      word = (word ?? '') + character;
    }
  }
  if (word !== undefined) words.push(word);
  return words;
}

/** The way back: a line that splits into exactly these words. */
export function joinWords(words: readonly string[]): string {
  return words.map((word) => (/^[A-Za-z0-9_@%+=:,./-]+$/.test(word) ? word : quote(word))).join(' ');
}

function readQuoted(
  text: string,
  from: number,
  mark: string,
): { readonly text: string; readonly end: number } | undefined {
  let inside = '';
  for (let at = from; at < text.length; at += 1) {
    const character = text[at] ?? '';
    if (character === mark) return { text: inside, end: at };
    const next = text[at + 1] ?? '';
    if (mark === '"' && character === '\\' && (next === '"' || next === '\\')) {
      inside += next;
      at += 1;
    } else {
      inside += character;
    }
  }
  return undefined;
}

function quote(word: string): string {
  return `"${word.replace(/["\\]/g, '\\$&')}"`;
}

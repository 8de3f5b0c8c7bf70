// Where each key of a TOML text stands: the reader of the house gives values without places, and a fault without a place is half a
// fault. Only for text that the reader has accepted; keys of inline tables and of arrays are their owner's.

export interface Place {
  /** From 1. */
  readonly line: number;
  readonly column: number;
}

export interface LocatedKeys {
  /** The first part of each key, by table (`''` for keys before any header). */
  find(table: string, key: string): Place;
  header(table: string): Place;
}

const start: Place = { line: 1, column: 1 };

export function locateKeys(text: string): LocatedKeys {
  const places = new Map<string, Place>();
  let table = '';
  let at = 0;
  while (at < text.length) {
    const blanks = /^(?:\s|#[^\n]*)*/.exec(text.slice(at))?.[0].length ?? 0;
    at += blanks;
    if (at >= text.length) break;
    if (text[at] === '[') {
      const [, name = ''] = /^\[+[ \t]*([^\]\s]*)/.exec(text.slice(at)) ?? [];
      table = bare(name);
      remember(places, `[${table}]`, text, at);
      at = endOfLine(text, at);
    } else {
      const [whole = '', name = ''] = /^("(?:[^"\\]|\\.)*"|'[^']*'|[A-Za-z0-9_-]+)[^=]*=/.exec(text.slice(at)) ?? [];
      // Text that the reader would not have accepted: no place is better than a wrong one.
      if (whole === '') break;
      remember(places, `${table}\n${bare(name)}`, text, at);
      at = endOfValue(text, at + whole.length);
    }
  }
  return {
    find(owner, key) {
      const asHeader = places.get(`[${owner === '' ? '' : `${owner}.`}${key}]`);
      return places.get(`${owner}\n${key}`) ?? asHeader ?? places.get(`[${owner}]`) ?? start;
    },
    header: (owner) => places.get(`[${owner}]`) ?? start,
  };
}

function remember(places: Map<string, Place>, key: string, text: string, at: number): void {
  if (places.has(key)) return;
  const before = text.slice(0, at);
  const line = before.split('\n').length;
  places.set(key, { line, column: [...before.slice(before.lastIndexOf('\n') + 1)].length + 1 });
}

function bare(name: string): string {
  return name.replace(/^(["'])(.*)\1$/s, '$2');
}

function endOfLine(text: string, at: number): number {
  const end = text.indexOf('\n', at);
  return end === -1 ? text.length : end + 1;
}

/** The line end that ends the value: not within quotes, brackets or braces. */
function endOfValue(text: string, from: number): number {
  let depth = 0;
  let at = from;
  while (at < text.length) {
    const rest = text.slice(at, at + 3);
    const character = text[at] ?? '';
    if (rest === '"""' || rest === "'''") at = endOfQuoted(text, at + 3, rest);
    else if (character === '"' || character === "'") at = endOfQuoted(text, at + 1, character);
    else if (character === '#') at = Math.max(at + 1, endOfLine(text, at) - 1);
    else {
      if (character === '[' || character === '{') depth += 1;
      if (character === ']' || character === '}') depth -= 1;
      at += 1;
      if (character === '\n' && depth === 0) return at;
    }
  }
  return at;
}

function endOfQuoted(text: string, from: number, mark: string): number {
  for (let at = from; at < text.length; at += 1) {
    if (text[at] === '\\' && mark.startsWith('"')) at += 1;
    else if (text.startsWith(mark, at)) return at + mark.length;
  }
  return text.length;
}

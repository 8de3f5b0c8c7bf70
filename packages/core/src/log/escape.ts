// Text of strangers in a line of ours. What could end the line, drive a terminal, reorder what is read or hide is written as
// an escape, so that one record is one line and looks like what it is.

// Chosen: a record is for reading; a megabyte in one field is an attack on the disk or on the reader.
const maxTextLength = 8192;

// JSON.stringify escapes below U+0020, quotes, backslashes and lone surrogates. What it lets through and a terminal or a
// reader does not deserve: controls (DEL and C1, where U+009B is CSI), format characters (bidirectional ones are Trojan
// Source, CVE-2021-42574), the two line ends of Unicode, and whatever is shown as nothing (default ignorable code points,
// assigned or not).
const unsafe = /[\p{Cc}\p{Cf}\p{Zl}\p{Zp}\p{DI}]/gu;

/** A JSON string, quotes included, that parses to `text`; a text longer than 8,192 is cut and says so. */
export function quote(text: string): string {
  return JSON.stringify(cut(text)).replace(unsafe, escapeUnits);
}

/** `text` for people: as it is, but for what `quote` escapes. Quotes and backslashes stand as they are. */
export function plain(text: string): string {
  return quote(text)
    .slice(1, -1)
    .replace(/\\(["\\])/g, '$1');
}

function cut(text: string): string {
  if (text.length <= maxTextLength) return text;
  const kept = text.slice(0, maxTextLength);
  return `${kept}... (${text.length - maxTextLength} more characters)`;
}

function escapeUnits(character: string): string {
  let escaped = '';
  for (let index = 0; index < character.length; index += 1) {
    escaped += `\\u${character.charCodeAt(index).toString(16).padStart(4, '0')}`;
  }
  return escaped;
}

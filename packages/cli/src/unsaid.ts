// Where in the last words of a service the lines begin that were not shown before. Both are pieces of one log, and either may go back further, or end
// later, than the other.

/** An index of `words`; `said` are the newest lines that were shown. Where equal lines leave a choice, the one that shows fewer. */
export function unsaid(said: readonly string[], words: readonly string[]): number {
  let [found, most] = [0, 0];
  // `shift`: which line of `said` the first of `words` is.
  for (let shift = 1 - words.length; shift < said.length; shift += 1) {
    const [from, to] = [Math.max(0, -shift), Math.min(words.length, said.length - shift)];
    if (to - from <= most || !isAligned(said, words, shift, from, to)) continue;
    [found, most] = [to, to - from];
  }
  return found;
}

function isAligned(
  said: readonly string[],
  words: readonly string[],
  shift: number,
  from: number,
  to: number,
): boolean {
  for (let at = from; at < to; at += 1) if (!isSame(said[at + shift]!, words[at]!)) return false;
  return true;
}

/** A word that was too long was cut (docs/wire/ready.md). */
function isSame(line: string, word: string): boolean {
  return line === word || (word.endsWith('…') && line.startsWith(word.slice(0, -1)));
}

// The right key nearest to a wrong one, for "did you mean". Letter case and up to two slips apart; farther is a guess.

// Chosen.
const mostSlips = 2;

export function nearestWord(word: string, words: Iterable<string>): string | undefined {
  let best: { readonly one: string; readonly slips: number } | undefined;
  for (const one of words) {
    const slips = slipsBetween(word.toLowerCase(), one.toLowerCase());
    if (slips <= mostSlips && slips < one.length / 2 && (best === undefined || slips < best.slips))
      best = { one, slips };
  }
  return best?.one;
}

/** Edits of one letter: insert, delete, replace, or swap with the neighbour. */
function slipsBetween(left: string, right: string): number {
  if (Math.abs(left.length - right.length) > mostSlips) return mostSlips + 1;
  let older: number[] = [];
  let above = Array.from({ length: right.length + 1 }, (_, index) => index);
  for (let row = 1; row <= left.length; row += 1) {
    const line = [row];
    for (let column = 1; column <= right.length; column += 1) {
      const isSame = left[row - 1] === right[column - 1];
      const isSwap =
        row > 1 && column > 1 && left[row - 1] === right[column - 2] && left[row - 2] === right[column - 1];
      line[column] = Math.min(
        (above[column] ?? 0) + 1,
        (line[column - 1] ?? 0) + 1,
        (above[column - 1] ?? 0) + (isSame ? 0 : 1),
        isSwap ? (older[column - 2] ?? 0) + 1 : mostSlips + 9,
      );
    }
    [older, above] = [above, line];
  }
  return above[right.length] ?? 0;
}

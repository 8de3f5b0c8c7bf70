// Patterns of paths as Docker has them: `*` and `?` stay inside of a component, `[a-z]` and `[^a-z]` are one character, `\` takes the next
// one as it is, `**` is any number of components. Matched by steps over both, so that no pattern takes more than their product.

/** Whether `pattern` is about all of `path`. */
export function matchPath(pattern: string, path: string): boolean {
  const [want, have] = [pattern.split('/'), path.split('/')];
  // reached[n]: the components so far can stand for the first n of the path.
  let reached = new Array<boolean>(have.length + 1).fill(false);
  reached[0] = true;
  for (const part of want) {
    const next = new Array<boolean>(have.length + 1).fill(false);
    for (let at = 0; at <= have.length; at += 1) {
      if (part === '**') next[at] = reached[at] === true || (at > 0 && next[at - 1] === true);
      else if (at > 0 && reached[at - 1] === true) next[at] = matchName(part, have[at - 1]!);
    }
    reached = next;
  }
  return reached[have.length]!;
}

export function hasWildcard(pattern: string): boolean {
  return /[*?[\\]/.test(pattern);
}

type Step = { readonly isStar: true } | { readonly isStar: false; readonly fits: (char: string) => boolean };

function matchName(pattern: string, name: string): boolean {
  const chars = [...name];
  let reached = new Array<boolean>(chars.length + 1).fill(false);
  reached[0] = true;
  for (const step of stepsOf(pattern)) {
    const next = new Array<boolean>(chars.length + 1).fill(false);
    for (let at = 0; at <= chars.length; at += 1) {
      if (step.isStar) next[at] = reached[at] === true || (at > 0 && next[at - 1] === true);
      else if (at > 0 && reached[at - 1] === true) next[at] = step.fits(chars[at - 1]!);
    }
    reached = next;
  }
  return reached[chars.length]!;
}

function* stepsOf(pattern: string): Generator<Step> {
  const chars = [...pattern];
  for (let at = 0; at < chars.length; at += 1) {
    const char = chars[at]!;
    if (char === '*') yield { isStar: true };
    else if (char === '?') yield { isStar: false, fits: () => true };
    else if (char === '\\' && at + 1 < chars.length) {
      at += 1;
      const exact = chars[at];
      yield { isStar: false, fits: (one) => one === exact };
    } else if (char === '[' && chars.indexOf(']', at + 2) > 0) {
      const end = chars.indexOf(']', at + 2);
      yield { isStar: false, fits: classOf(chars.slice(at + 1, end)) };
      at = end;
    } else yield { isStar: false, fits: (one) => one === char };
  }
}

function classOf(inside: readonly string[]): (char: string) => boolean {
  const isNegated = inside[0] === '^';
  const members = isNegated ? inside.slice(1) : inside;
  const ranges: [string, string][] = [];
  for (let at = 0; at < members.length; at += 1) {
    if (members[at + 1] === '-' && at + 2 < members.length) {
      ranges.push([members[at]!, members[at + 2]!]);
      at += 2;
    } else ranges.push([members[at]!, members[at]!]);
  }
  return (char) => ranges.some(([from, to]) => char >= from && char <= to) !== isNegated;
}

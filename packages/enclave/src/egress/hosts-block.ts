// argonaut's managed block in /etc/hosts as a pure function: everything outside the block is kept, and doing it twice changes nothing.
// Text is one character per byte (latin1), so that bytes which are not UTF-8 survive.

export interface HostsEntry {
  /** IPv4 loopback. */
  readonly address: string;
  /** Already judged by the config check: no blank and no line break can be in it. */
  readonly host: string;
}

// Given: argonaut's source, three spaces in an entry among it.
const beginMark = '# argonaut begin';
const endMark = '# argonaut end';
const gap = '   ';
const emptyFile = `127.0.0.1${gap}localhost`;

/** The new content of the hosts file: `existing` without an old block, one empty line, the block. */
export function renderHosts(existing: string, entries: readonly HostsEntry[]): string {
  const kept = removeBlocks(existing).replace(/\n+$/, '');
  const base = /^\s*$/.test(kept) ? emptyFile : kept;
  const lines = entries.map(({ address, host }) => `${address}${gap}${host}\n`);
  return `${base}\n\n${beginMark}\n${lines.join('')}${endMark}\n`;
}

/** All of them: a file that once got two would otherwise keep one that no later run replaces. */
function removeBlocks(text: string): string {
  let rest = text;
  for (let begin = rest.indexOf(beginMark); begin >= 0; begin = rest.indexOf(beginMark)) {
    const end = rest.indexOf(endMark, begin);
    if (end < 0) return rest.slice(0, begin);
    const after = rest.slice(end + endMark.length).replace(/^[\r\n]+/, '');
    rest = rest.slice(0, begin) + after;
  }
  return rest;
}

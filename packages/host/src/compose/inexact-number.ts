// Numbers that would not be what stands in the file. Where a text is wanted, 1.10 is 1.1 and 0x10 is 16; and in what is sent as JSON, one of more digits than
// a double has becomes another. Both are found much later, by somebody who reads a log or a balance.
import { type Document, isPair, isScalar, visit } from 'yaml';

interface TextFault {
  readonly offset: number;
  readonly message: string;
}

const textKeys: ReadonlySet<unknown> = new Set(['version', 'env', 'labels']);

export function findInexactNumbers(document: Document): TextFault[] {
  const faults: TextFault[] = [];
  visit(document, {
    Scalar(key, node, path) {
      if (key === 'key' || !isScalar(node) || node.type !== 'PLAIN' || node.source === undefined) return;
      const { value, source } = node;
      if (typeof value !== 'number' && typeof value !== 'boolean') return;
      const [keys, offset] = [keysOf(path), node.range?.[0] ?? 0];
      const must = (text: string): number =>
        faults.push({ offset, message: `${keys.join('.')} must ${text}, got ${source}` });
      const [first, second] = keys[0] === 'enclaves' ? keys.slice(2) : keys;
      if (textKeys.has(first) && String(value) !== source)
        must(`be a text in quotes where it is not to become ${value}`);
      const isSent = first === 'config' || (first === 'policy' && second === 'config');
      if (isSent && typeof value === 'number' && !isExact(value))
        must('be a number that a double holds, or a text in quotes');
    },
  });
  return faults;
}

function keysOf(path: readonly unknown[]): unknown[] {
  return path.flatMap((one) => (isPair(one) && isScalar(one.key) ? [one.key.value] : []));
}

/** Of fractions nobody expects all digits back. */
function isExact(value: number): boolean {
  return Number.isFinite(value) && (!Number.isInteger(value) || Number.isSafeInteger(value));
}

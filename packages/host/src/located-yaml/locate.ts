// Where a part of a YAML text stands, for messages about it.
import { type Document, isMap, isNode, isScalar, isSeq, type Node } from 'yaml';

/** Offset of the innermost part of `path` that exists: a missing field is shown at the map it is missing from. */
export function offsetOf(document: Document, path: readonly PropertyKey[]): number {
  let node: unknown = document.contents;
  let offset = start(node) ?? 0;
  for (const key of path) {
    if (isMap(node)) {
      const pair = node.items.find((one) => keyText(one.key) === String(key));
      if (pair === undefined) return offset;
      offset = start(pair.key) ?? offset;
      node = pair.value;
    } else if (isSeq(node)) {
      node = node.items[Number(key)];
      offset = start(node) ?? offset;
    } else {
      return offset;
    }
  }
  return offset;
}

function keyText(key: unknown): string {
  return isScalar(key) ? String(key.value) : String(key);
}

function start(node: unknown): number | undefined {
  return isNode(node) ? (node as Node).range?.[0] : undefined;
}

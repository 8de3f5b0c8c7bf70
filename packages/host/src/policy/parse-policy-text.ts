// A policy as people write it: YAML 1.2, of which JSON is a part. Every fault has its line and column. No tags, no anchors, no merge
// keys, no second document, each key once: what two readers could read differently has no place in a policy.
import { PolicyError } from '@caisson/core/errors';
import { type AttestationPolicy, checkPolicy, MAX_POLICY_BYTES, PolicyFaultError } from '@caisson/verify/policy';
import {
  type Document,
  isAlias,
  isMap,
  isNode,
  isScalar,
  isSeq,
  LineCounter,
  type Node,
  parseDocument,
  visit,
} from 'yaml';
import type { PolicyFileErrorCode } from './error-code.ts';

export interface LocatedFault {
  /** From 1. */
  readonly line: number;
  readonly column: number;
  readonly message: string;
}

/** One line for each fault: `policy.yaml:4:3: pcrs.0 must be ...`. */
export class PolicyFileError extends PolicyError<PolicyFileErrorCode> {
  readonly faults: readonly LocatedFault[];

  constructor(file: string, faults: readonly LocatedFault[]) {
    super(
      'POLICY_FILE_FAULTS',
      faults.map(({ line, column, message }) => `${file}:${line}:${column}: ${message}`).join('\n'),
    );
    this.faults = faults;
  }
}

/** `file` names the text in messages. Throws PolicyFileError POLICY_FILE_FAULTS. */
export function parsePolicyText(text: string, file: string): AttestationPolicy {
  if (text.length > MAX_POLICY_BYTES) {
    const message = `policy must have at most ${MAX_POLICY_BYTES} characters, got ${text.length}`;
    throw new PolicyFileError(file, [{ line: 1, column: 1, message }]);
  }
  const lines = new LineCounter();
  const document = parseYaml(text, file, lines);
  const at = (offset: number): { readonly line: number; readonly column: number } => {
    const { line, col } = lines.linePos(offset);
    return { line: Math.max(1, line), column: Math.max(1, col) };
  };
  const syntax = [
    ...document.errors.map(({ pos, message }) => ({ ...at(pos[0]), message: firstLine(message) })),
    ...document.warnings.map(({ pos, message }) => ({ ...at(pos[0]), message: firstLine(message) })),
    ...strangers(document).map(({ offset, message }) => ({ ...at(offset), message })),
  ];
  if (syntax.length > 0) throw new PolicyFileError(file, syntax);
  try {
    return checkPolicy(document.toJS({ maxAliasCount: 0 }));
  } catch (error) {
    if (!(error instanceof PolicyFaultError)) throw error;
    const faults = error.faults.map(({ path, message }) => ({ ...at(offsetOf(document, path)), message }));
    throw new PolicyFileError(file, faults);
  }
}

function parseYaml(text: string, file: string, lineCounter: LineCounter): Document {
  try {
    return parseDocument(text, {
      version: '1.2',
      schema: 'core',
      merge: false,
      uniqueKeys: true,
      stringKeys: true,
      prettyErrors: false,
      lineCounter,
    });
  } catch (cause) {
    // The reader recurses; a text that is nothing but brackets exhausts the stack.
    const message = `policy must be YAML, got what the reader gives up on: ${firstLine(String(cause))}`;
    throw new PolicyFileError(file, [{ line: 1, column: 1, message }]);
  }
}

function strangers(document: Document): { readonly offset: number; readonly message: string }[] {
  const found: { readonly offset: number; readonly message: string }[] = [];
  visit(document, {
    Node(_, node) {
      const offset = node.range?.[0] ?? 0;
      if (isAlias(node)) found.push({ offset, message: 'policy must have no alias, got one' });
      else if (node.tag !== undefined && node.tag !== '') {
        found.push({ offset, message: `policy must have no tag, got ${JSON.stringify(node.tag.slice(0, 40))}` });
      } else if (node.anchor !== undefined) found.push({ offset, message: 'policy must have no anchor, got one' });
    },
  });
  return found;
}

/** Where the innermost part of `path` that exists begins: a missing field is shown at the map it is missing from. */
function offsetOf(document: Document, path: readonly string[]): number {
  let node: unknown = document.contents;
  let offset = start(node) ?? 0;
  for (const key of path) {
    if (isMap(node)) {
      const pair = node.items.find((one) => keyText(one.key) === key);
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

function firstLine(text: string): string {
  return text.split('\n', 1)[0]!.trim();
}

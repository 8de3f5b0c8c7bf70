// YAML 1.2 (of which JSON is a part) as people write files that decide something: every fault has its line and column. No tags, no anchors,
// no merge keys, no second document, each key once: what two readers could read differently has no place in such a file.
import {
  type Document,
  isAlias,
  isCollection,
  isMap,
  isScalar,
  LineCounter,
  parseDocument,
  visit,
  type YAMLMap,
} from 'yaml';
import { offsetOf } from './locate.ts';

export interface LocatedFault {
  /** From 1. */
  readonly line: number;
  readonly column: number;
  readonly message: string;
}

export interface LocatedYaml {
  /** Empty when the text can be read. */
  readonly faults: readonly LocatedFault[];
  readonly value: unknown;
  /** A fault about the part at `path`, at its place or that of the nearest part above it. */
  faultAt(path: readonly PropertyKey[], message: string): LocatedFault;
}

export interface LocatedYamlOptions {
  /** What the text is, for messages: `policy`. */
  readonly what: string;
  readonly maxCharacters: number;
  /** Changes the document before its value is taken, and says what it could not. */
  readonly rewrite?: (document: Document) => readonly { readonly offset: number; readonly message: string }[];
}

// Chosen. Whoever reads the value recurses too.
const maxDepth = 100;
// The reader recurses as well, and a text that is nothing but brackets takes all of its stack.
const exhausted = /call stack|stack overflow/i;

const tooDeep = (what: string): string => `${what} must have maps and lists at most ${maxDepth} deep, got deeper ones`;

export function parseLocatedYaml(text: string, { what, maxCharacters, rewrite }: LocatedYamlOptions): LocatedYaml {
  const alone = (message: string): LocatedYaml => {
    const fault = { line: 1, column: 1, message };
    return { faults: [fault], value: undefined, faultAt: () => fault };
  };
  if (text.length > maxCharacters) {
    return alone(`${what} must have at most ${maxCharacters} characters, got ${text.length}`);
  }
  const lines = new LineCounter();
  let document: Document;
  try {
    document = parseDocument(text, {
      version: '1.2',
      schema: 'core',
      merge: false,
      // Twins are found here: the reader compares each key with all before it, and 20,000 of them take it a minute.
      uniqueKeys: false,
      stringKeys: true,
      prettyErrors: false,
      lineCounter: lines,
    });
  } catch (cause) {
    return alone(`${what} must be YAML, got what the reader gives up on: ${firstLine(String(cause))}`);
  }
  if (document.errors.some(({ message }) => exhausted.test(message))) return alone(tooDeep(what));
  const at = (offset: number, message: string): LocatedFault => {
    const { line, col } = lines.linePos(offset);
    return { line: Math.max(1, line), column: Math.max(1, col), message };
  };
  const strange = strangers(document, what);
  if (strange === undefined) return alone(tooDeep(what));
  const faults = [
    ...[...document.errors, ...document.warnings].map(({ pos, message }) => at(pos[0], firstLine(message))),
    ...strange.map(({ offset, message }) => at(offset, message)),
  ];
  if (faults.length === 0 && rewrite !== undefined) {
    faults.push(...rewrite(document).map(({ offset, message }) => at(offset, message)));
  }
  return {
    faults,
    value: faults.length === 0 ? document.toJS({ maxAliasCount: 0 }) : undefined,
    faultAt: (path, message) => at(offsetOf(document, path), message),
  };
}

/** Undefined where it is too deep. */
function strangers(
  document: Document,
  what: string,
): { readonly offset: number; readonly message: string }[] | undefined {
  const found: { readonly offset: number; readonly message: string }[] = [];
  let isTooDeep = false;
  visit(document, {
    Node(_, node, path) {
      if (path.filter(isCollection).length >= maxDepth) {
        isTooDeep = true;
        return visit.BREAK;
      }
      const offset = node.range?.[0] ?? 0;
      if (isAlias(node)) found.push({ offset, message: `${what} must have no alias, got one` });
      else if (node.tag !== undefined && node.tag !== '') {
        found.push({ offset, message: `${what} must have no tag, got ${JSON.stringify(node.tag.slice(0, 40))}` });
      } else if (node.anchor !== undefined) found.push({ offset, message: `${what} must have no anchor, got one` });
      if (isMap(node)) found.push(...strangeKeys(node, what));
      return undefined;
    },
  });
  return isTooDeep ? undefined : found;
}

function strangeKeys({ items }: YAMLMap, what: string): { readonly offset: number; readonly message: string }[] {
  const seen = new Set<unknown>();
  return items.flatMap(({ key }) => {
    if (!isScalar(key)) return [];
    const offset = key.range?.[0] ?? 0;
    const isTwin = seen.has(key.value);
    seen.add(key.value);
    if (isTwin) return [{ offset, message: 'Map keys must be unique' }];
    // Some readers drop it and some take it for the object's own: what is checked would not be what is used.
    return key.value === '__proto__' ? [{ offset, message: `${what} must have no key __proto__, got one` }] : [];
  });
}

/** Whether a value that was read is a map. */
export function isMapValue(value: unknown): value is Readonly<Record<string, unknown>> {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}

function firstLine(text: string): string {
  return text.split('\n', 1)[0]!.trim();
}

// What zod found, in the words of this house: place, bound, what was seen, and the key that was probably meant.
import * as z from 'zod';
import { nearestWord } from '../service/nearest-word.ts';

type Issue = z.core.$ZodIssue;

export interface ComposeIssue {
  readonly path: readonly PropertyKey[];
  readonly message: string;
}

/** `value` is what was checked, `schema` what it was checked by. */
export function describeIssues(issues: readonly Issue[], value: unknown, schema: z.ZodType): ComposeIssue[] {
  return issues.flatMap((issue) => describeIssue(issue, [], value, schema));
}

function describeIssue(issue: Issue, above: readonly PropertyKey[], root: unknown, schema: z.ZodType): ComposeIssue[] {
  const path = [...above, ...issue.path];
  const place = placeOf(path);
  const got = describe(valueAt(root, path));
  const must = (bound: string): ComposeIssue[] => [{ path, message: `${place} must ${bound}, got ${got}` }];
  switch (issue.code) {
    case 'unrecognized_keys': {
      const known = keysAt(schema, path, valueAt(root, path));
      return issue.keys.map((key) => {
        const nearest = nearestWord(key, known);
        const meant = nearest === undefined ? `known are ${known.join(', ')}` : `did you mean ${nearest}?`;
        return { path: [...path, key], message: `unknown key ${placeOf([...path, key])}; ${meant}` };
      });
    }
    case 'invalid_union': {
      // The one whose kind fits is the one that was meant.
      const fitting = issue.errors.filter((errors) =>
        errors.some(({ code, path: at }) => code !== 'invalid_type' || at.length > 0),
      );
      const [first] = fitting;
      if (fitting.length === 1 && first !== undefined)
        return first.flatMap((one) => describeIssue(one, path, root, schema));
      const best = fitting.toSorted((left, right) => left.length - right.length)[0];
      if (best !== undefined) return best.flatMap((one) => describeIssue(one, path, root, schema));
      const kinds = issue.errors.flatMap((errors) =>
        errors.map((one) => ('expected' in one ? article(one.expected) : '')),
      );
      return must(`be ${[...new Set(kinds)].filter((kind) => kind !== '').join(' or ') || 'of another form'}`);
    }
    case 'invalid_type':
      return valueAt(root, path) === undefined
        ? [{ path, message: `${place} is missing; it must be ${article(issue.expected)}` }]
        : must(`be ${article(issue.expected)}`);
    case 'invalid_value':
      return must(`be ${issue.values.length > 1 ? 'one of ' : ''}${issue.values.map(String).join(', ')}`);
    case 'too_small':
      return must(boundText(issue.origin, 'at least', issue.minimum));
    case 'too_big':
      return must(boundText(issue.origin, 'at most', issue.maximum));
    case 'invalid_key':
      return [{ path, message: `name ${place} must ${issue.issues[0]?.message ?? 'be another'}` }];
    case 'invalid_format':
      return must(issue.message);
    default:
      return must(issue.message);
  }
}

function boundText(origin: string, side: string, bound: number | bigint): string {
  const many = Number(bound) === 1 ? '' : 's';
  if (origin === 'array') return `have ${side} ${bound} entr${many === '' ? 'y' : 'ies'}`;
  if (origin === 'string') return `have ${side} ${bound} character${many}`;
  return `be ${side} ${bound}`;
}

function article(kind: string): string {
  const words: Readonly<Record<string, string>> = {
    string: 'a text',
    number: 'a number',
    int: 'a whole number',
    boolean: 'true or false',
    array: 'a list',
    object: 'a map',
    record: 'a map',
  };
  return words[kind] ?? kind;
}

export function placeOf(path: readonly PropertyKey[]): string {
  const text = path.map((key) => (typeof key === 'number' ? `[${key}]` : `.${String(key)}`)).join('');
  return text === '' ? 'the file' : text.replace(/^\./, '');
}

function valueAt(root: unknown, path: readonly PropertyKey[]): unknown {
  return path.reduce<unknown>((value, key) => (value as Record<PropertyKey, unknown> | null | undefined)?.[key], root);
}

function describe(value: unknown): string {
  if (value === null) return 'nothing';
  if (Array.isArray(value)) return 'a list';
  if (typeof value === 'object') return 'a map';
  const text = JSON.stringify(value) ?? 'nothing';
  return text.length <= 80 ? text : `${text.slice(0, 77)}...`;
}

/** The keys that the schema knows at `path`: of a union, those of its map that shares most keys with what is there. */
function keysAt(schema: z.ZodType, path: readonly PropertyKey[], value: unknown): string[] {
  let candidates: z.ZodType[] = [schema];
  for (const key of path) candidates = candidates.flatMap(unwrap).flatMap((one) => childOf(one, key));
  const maps = candidates.flatMap(unwrap).filter((one) => one instanceof z.ZodObject);
  const own = typeof value === 'object' && value !== null ? Object.keys(value) : [];
  const shared = (one: z.ZodObject): number => own.filter((key) => key in one.shape).length;
  const [best] = maps.toSorted((left, right) => shared(right) - shared(left));
  return best === undefined ? [] : Object.keys(best.shape);
}

function unwrap(schema: z.ZodType): z.ZodType[] {
  if (schema instanceof z.ZodOptional) return unwrap(schema.unwrap() as z.ZodType);
  if (schema instanceof z.ZodUnion) return (schema.options as z.ZodType[]).flatMap(unwrap);
  return [schema];
}

function childOf(schema: z.ZodType, key: PropertyKey): z.ZodType[] {
  if (schema instanceof z.ZodObject) {
    const child = (schema.shape as Record<PropertyKey, z.ZodType>)[key];
    return child === undefined ? [] : [child];
  }
  if (schema instanceof z.ZodArray) return [schema.element as z.ZodType];
  if (schema instanceof z.ZodRecord) return [schema.valueType as z.ZodType];
  return [];
}

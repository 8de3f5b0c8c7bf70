// One JSON document of a record, read with a bound and in the words of its schema, written whole.
import { readFile, stat } from 'node:fs/promises';
import { CaissonError, ParseError } from '@caisson/core/errors';
import type * as z from 'zod';
import { describeIssues } from '../compose/issue-text.ts';
import { replaceFile } from '../file/index.ts';
import type { RecordErrorCode } from './error-code.ts';
import { stateFault } from './state-fault.ts';

// Chosen: the largest spec has some hundred rules.
const maxBytes = 1 << 20;

/** Undefined where there is no such file. Throws ParseError RECORD_FORM with every fault, CaissonError RECORD_STATE. */
export async function readForm<Schema extends z.ZodType>(
  path: string,
  what: string,
  schema: Schema,
): Promise<z.infer<Schema> | undefined> {
  let text: string;
  try {
    const { size } = await stat(path);
    if (size > maxBytes) throw fault(what, `must have at most ${maxBytes} bytes, got ${size}`);
    text = await readFile(path, 'utf8');
  } catch (error) {
    if (error instanceof CaissonError) throw error;
    if ((error as NodeJS.ErrnoException).code === 'ENOENT') return undefined;
    throw stateFault(`cannot read ${what} ${path}`, error);
  }
  return parseForm(text, what, schema);
}

/** Throws ParseError RECORD_FORM. */
export function parseForm<Schema extends z.ZodType>(text: string, what: string, schema: Schema): z.infer<Schema> {
  let value: unknown;
  try {
    value = JSON.parse(text);
  } catch (cause) {
    throw fault(what, 'is not JSON', cause);
  }
  const result = schema.safeParse(value);
  if (result.success) return result.data;
  const issues = describeIssues(result.error.issues, value, schema);
  throw fault(what, issues.map(({ message }) => message).join('; '));
}

/** Throws what `stateFault` makes of the kernel's reason; the old document then stays. */
export async function writeForm(path: string, what: string, value: object): Promise<void> {
  try {
    // No secret stands in it, and nobody else has to know what runs here.
    await replaceFile(path, (file) => file.writeFile(`${JSON.stringify(value, null, 1)}\n`), { mode: 0o600 });
  } catch (error) {
    throw stateFault(`cannot write ${what}`, error);
  }
}

function fault(what: string, rule: string, cause?: unknown): ParseError<RecordErrorCode> {
  return new ParseError('RECORD_FORM', `${what}: ${rule}`, {
    ...(cause === undefined ? {} : { cause }),
    hint: 'caisson rm removes the record, caisson up writes it anew',
  });
}

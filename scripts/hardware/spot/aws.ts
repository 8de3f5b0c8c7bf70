// The aws program: lists of words and no shell, JSON out, a deadline. A call is never cut by an interruption: it is waited for, because a call that was
// sent may have made something that has to be removed.
import { ChildError, runChild } from '../child.ts';

/** What aws said no to. `code` is AWS's, such as `InsufficientInstanceCapacity`, where its text has one. */
export class AwsError extends Error {
  readonly code: string | undefined;
  /** Whether what was asked may have been done all the same. */
  readonly unanswered: boolean;

  constructor(message: string, code: string | undefined, unanswered: boolean) {
    super(message);
    this.code = code;
    this.unanswered = unanswered;
  }
}

export type Aws = (...words: readonly string[]) => Promise<unknown>;

// Chosen: aws itself tries again within it.
const deadlineMs = 120_000;

/** Calls resolve with the parsed answer, `undefined` for an empty one, and reject AwsError. */
export function createAws(env: Readonly<Record<string, string | undefined>>, region: string | undefined): Aws {
  const where = region === undefined ? [] : ['--region', region];
  return async (...words) => {
    const [service = '', verb = ''] = words;
    const flags = ['--output', 'json', '--cli-connect-timeout', '10', '--cli-read-timeout', '60', ...where];
    let result: Awaited<ReturnType<typeof runChild>>;
    try {
      result = await runChild(['aws', ...words, ...flags], { env: { ...env, AWS_PAGER: '' }, deadlineMs });
    } catch (error) {
      if (!(error instanceof ChildError)) throw error;
      throw new AwsError(`aws ${service} ${verb}: ${error.message}`, undefined, error.reason !== 'missing');
    }
    const { code, stdout, stderr } = result;
    if (code !== 0) {
      const said = stderr.trim().split('\n').at(-1) ?? '';
      const [, name] = /\(([A-Za-z.]{1,80})\) when calling/.exec(stderr) ?? [];
      // A refusal that has AWS's own code was an answer: nothing was done.
      throw new AwsError(`aws ${service} ${verb} ended with ${code}: ${said}`, name, name === undefined);
    }
    if (stdout.trim() === '') return undefined;
    try {
      return JSON.parse(stdout);
    } catch {
      throw new AwsError(`aws ${service} ${verb} printed no JSON: ${stdout.slice(0, 80)}`, undefined, true);
    }
  };
}

/** The text at a path of an answer, such as `Parameter`, `Value`; undefined where there is none. */
export function textAt(answer: unknown, ...path: readonly (string | number)[]): string | undefined {
  const value = valueAt(answer, ...path);
  return typeof value === 'string' && value !== '' ? value : undefined;
}

export function listAt(answer: unknown, ...path: readonly (string | number)[]): readonly unknown[] {
  const value = valueAt(answer, ...path);
  return Array.isArray(value) ? value : [];
}

function valueAt(answer: unknown, ...path: readonly (string | number)[]): unknown {
  let value = answer;
  for (const key of path) {
    if (typeof value !== 'object' || value === null || !Object.hasOwn(value, key)) return undefined;
    value = (value as Record<string | number, unknown>)[key];
  }
  return value;
}

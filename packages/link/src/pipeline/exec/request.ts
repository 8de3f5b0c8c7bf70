// What an operator asks to be run, as it crosses the wall, and as it may be run here.
import { isForbiddenVariable, isVariableName } from '@caisson/core/config';
import { ParseError, PolicyError } from '@caisson/core/errors';
import { plain } from '@caisson/core/log';
import type { ImageProfile, MeasuredOperator } from '@caisson/core/measured';
import type { PipelineErrorCode } from '../error-code.ts';
import { encodeFields, Fields } from '../fields.ts';
import { verifyTemplate } from './template.ts';

export interface TerminalSize {
  readonly columns: number;
  readonly rows: number;
}

export interface CommandRequest {
  readonly argv: readonly string[];
  /** NAME=value. */
  readonly env: readonly string[];
  /** null: `/`. */
  readonly cwd: string | null;
  /** Name or number, `user` or `user:group`; null: root. */
  readonly user: string | null;
  /** After it the command is told to end; null: never. */
  readonly timeoutMs: number | null;
  /** Streams are a terminal of this size. */
  readonly terminal: TerminalSize | null;
  /** False: the command reads /dev/null. */
  readonly hasInput: boolean;
}

// Chosen: PID 1 takes 8 KiB for all words and variables of a process (docs/wire/pid1.md).
const maxWords = 1_024;
const maxText = 8_192;
const maxTimeoutMs = 2_147_483_647;

export function encodeCommand(request: CommandRequest): Uint8Array<ArrayBuffer> {
  const { argv, env, cwd, user, timeoutMs, terminal, hasInput } = request;
  return encodeFields({
    1: [...argv],
    2: env.length === 0 ? null : [...env],
    3: cwd,
    4: user,
    5: timeoutMs,
    6: terminal?.columns ?? null,
    7: terminal?.rows ?? null,
    8: hasInput ? true : null,
  });
}

/** Throws ParseError PIPELINE_REQUEST. */
export function parseCommand(bytes: Uint8Array): CommandRequest {
  const fields = new Fields(bytes, 'command');
  const argv = fields.texts(1, maxWords, maxText);
  const env = fields.optional(2, () => fields.texts(2, maxWords, maxText)) ?? [];
  const cwd = fields.optional(3, () => fields.text(3));
  const user = fields.optional(4, () => fields.text(4, 64));
  const timeoutMs = fields.optional(5, () => fields.integer(5, maxTimeoutMs));
  const columns = fields.optional(6, () => fields.integer(6, 65_535));
  const rows = fields.optional(7, () => fields.integer(7, 65_535));
  const hasInput = fields.optional(8, () => fields.boolean(8)) ?? false;
  fields.end();
  if (argv.length === 0 || argv[0] === '') throw request('a program as first word', 'none');
  if (cwd !== null && !cwd.startsWith('/')) throw request('an absolute folder', plain(cwd));
  const terminal = columns === null || rows === null ? null : { columns, rows };
  return { argv, env, cwd, user, timeoutMs, terminal, hasInput };
}

export interface CommandTerms {
  readonly profile: ImageProfile;
  readonly operator: MeasuredOperator;
  /** Names that the image gives out; a development image gives out all that are not forbidden. */
  readonly environment: readonly string[];
}

/** Throws PolicyError PIPELINE_POLICY and PIPELINE_ENVIRONMENT. Gives the variables. */
export function verifyCommand(request: CommandRequest, terms: CommandTerms): Readonly<Record<string, string>> {
  const isProduction = terms.profile === 'production';
  if (isProduction) {
    verifyTemplate(terms.operator, request.argv);
    // A template says what runs; as whom and where is the image's.
    if (request.user !== null || request.cwd !== null) {
      throw new PolicyError<PipelineErrorCode>(
        'PIPELINE_POLICY',
        "run: user and folder must be the image's own in production, got others",
      );
    }
  }
  const entries = request.env.map((line): [string, string] => {
    const at = line.indexOf('=');
    const name = at < 0 ? line : line.slice(0, at);
    const isGiven = isProduction ? terms.environment.includes(name) : true;
    if (at > 0 && isVariableName(name) && isGiven && !isForbiddenVariable(name)) return [name, line.slice(at + 1)];
    throw new PolicyError<PipelineErrorCode>(
      'PIPELINE_ENVIRONMENT',
      `run: variable ${plain(name.slice(0, 80))} must be one that the image gives out, got one that it does not`,
    );
  });
  return Object.fromEntries(entries);
}

function request(rule: string, got: string): ParseError<PipelineErrorCode> {
  return new ParseError('PIPELINE_REQUEST', `command must have ${rule}, got ${got}`);
}

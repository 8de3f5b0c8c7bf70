// What exec, job, cp and pipeline share: one session for one piece of work, its words on standard error, and the exit code of a failure that is
// ours and not the command's (125, docs/exec.md).
import { constants } from 'node:os';
import { CaissonError } from '@caisson/core/errors';
import type { ControlSession } from '@caisson/link/control';
import type { CommandRequest, TerminalSize } from '@caisson/link/pipeline';
import { type ApprovalFlags, ApprovalRequested, withApprovals } from './approving-session.ts';
import { type ControlFlags, openControlSession } from './control-flag.ts';
import { EXIT_NOT_READY, UsageError } from './exit-code.ts';
import { harmlessText } from './harmless.ts';
import type { Surroundings } from './surroundings.ts';

/** Exit code of exec and job wait when the failure is ours and the command had none (docs/exec.md). */
export const EXIT_CAISSON = 125;

export type SessionFlags = ControlFlags & ApprovalFlags & { readonly port?: number | undefined };

/** The session is closed whatever happens. Rejects as `use` and the opening do. */
export async function withSession<Result>(
  enclave: string,
  flags: SessionFlags,
  surroundings: Surroundings,
  use: (session: ControlSession) => Promise<Result>,
): Promise<Result> {
  const session = await openControlSession(enclave, flags, surroundings);
  try {
    return await use(await withApprovals(session, flags, surroundings));
  } finally {
    await session.close();
  }
}

/** Runs `work`; every failure except a wrong command line ends with the exit code `failed`. */
export async function failingAs(
  failed: number,
  { name, stderr }: Surroundings,
  work: () => Promise<number>,
): Promise<number> {
  try {
    return await work();
  } catch (error) {
    if (error instanceof UsageError || error instanceof ApprovalRequested || !(error instanceof Error)) throw error;
    stderr.write(`${name}: ${harmlessText(error.message)}\n`);
    const hint = (await import('@caisson/host/explain')).hintOfError(error);
    if (hint !== undefined) stderr.write(`  hint: ${harmlessText(hint)}\n`);
    return failed;
  }
}

export function exitOfCopyFailure(error: unknown): number | undefined {
  return error instanceof CaissonError && error.code === 'CONTROL_NOT_READY' ? EXIT_NOT_READY : undefined;
}

export interface CommandFlags {
  readonly env?: readonly string[];
  readonly cwd?: string;
  readonly user?: string;
  readonly timeout?: string;
}

/** Throws UsageError. */
export async function requestOf(
  argv: readonly string[],
  flags: CommandFlags,
  more: { readonly terminal: TerminalSize | null; readonly hasInput: boolean },
): Promise<CommandRequest> {
  const { parseDuration } = await import('@caisson/core/config');
  let timeoutMs: number | null = null;
  try {
    if (flags.timeout !== undefined) timeoutMs = parseDuration(flags.timeout, '--timeout');
  } catch (error) {
    throw new UsageError((error as Error).message);
  }
  const { env = [], cwd = null, user = null } = flags;
  return { argv, env, cwd, user, timeoutMs, ...more };
}

/** `TERM`, `SIGTERM` or `15`. Throws UsageError. */
export function parseSignal(text: string): number {
  const name = `SIG${text.toUpperCase().replace(/^SIG/, '')}`;
  const number = /^[0-9]{1,2}$/.test(text) ? Number(text) : (constants.signals as Record<string, number>)[name];
  if (number !== undefined && number >= 1 && number <= 64) return number;
  throw new UsageError(`signal must be a name or a number in 1..64, got ${text}`);
}

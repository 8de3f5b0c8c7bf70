// The flags of every command that talks to an enclave over the control channel, and the session that they mean.
import type { FoundPolicy } from '@caisson/host/operator';
import type { Command } from 'commander';
import { UsageError } from './exit-code.ts';
import { collect } from './repeatable.ts';
import type { Surroundings } from './surroundings.ts';

export interface ControlFlags {
  readonly operator?: string;
  readonly policy?: string;
  readonly file?: string;
  readonly via?: string;
  readonly allowSimulated?: true;
}

export interface ApproverFlags {
  readonly approveWith?: readonly string[];
}

export function withControlFlags(command: Command): Command {
  return command
    .option('--operator <name>', 'operator key by name or path; default CAISSON_OPERATOR, else the only one')
    .option('--policy <file>', 'what the enclave must be; default caisson.yaml here, then ~/.config/caisson/policies')
    .option('--via <ssh:host>', 'through caisson proxy on another machine; the session ends here')
    .option('--allow-simulated', 'with --via, take a policy with roots of its own');
}

/** A proven session. Whoever opens it closes it. */
export async function openControlSession(
  enclave: string,
  flags: ControlFlags & { readonly port?: number | undefined },
  { env, stderr, stop }: Pick<Surroundings, 'env' | 'stderr' | 'stop'>,
  onPolicy?: (found: FoundPolicy) => void,
) {
  const { openOperatorSession } = await import('@caisson/host/operator');
  const { CaissonError } = await import('@caisson/core/errors');
  try {
    return await openOperatorSession({
      env,
      enclave,
      signal: stop,
      operator: flags.operator,
      policyFile: flags.policy,
      composeFile: flags.file,
      via: flags.via,
      allowSimulated: flags.allowSimulated === true,
      port: flags.port,
      ...(onPolicy !== undefined && { onPolicy }),
      say: (line) => void stderr.write(`${line}\n`),
    });
  } catch (error) {
    // Without a policy the command line is not whole (docs/control.md): nothing was tried.
    const isUsage =
      error instanceof CaissonError && ['OPERATOR_POLICY', 'OPERATOR_NAME', 'OPERATOR_VIA'].includes(error.code);
    throw isUsage ? new UsageError(error.message, error.hint) : error;
  }
}

/** For acts that an image lets nobody do alone: the keys of others who are here. */
export function withApproverFlag(command: Command): Command {
  return command.option(
    '--approve-with <name>',
    'a further operator key, by name or path, to approve what needs several; repeatable',
    collect,
  );
}

export async function readApprovers({ approveWith = [] }: ApproverFlags, { env }: Pick<Surroundings, 'env'>) {
  const { readOperatorKey } = await import('@caisson/host/operator');
  return await Promise.all(approveWith.map((name) => readOperatorKey(name, env, env['CAISSON_KEY_PASSPHRASE'])));
}

// `caisson logs`: what an enclave and its host have to say.
import { LOG_LEVELS, type LogLevel } from '@caisson/core/log';
import { Option } from 'commander';
import { type ControlFlags, openControlSession, withControlFlags } from '../control-flag.ts';
import { openEnclaveSource } from '../enclave-source.ts';
import { withExitAction } from '../exit-action.ts';
import { UsageError } from '../exit-code.ts';
import type { RegisterCommand, Surroundings } from '../surroundings.ts';

interface Flags extends ControlFlags {
  readonly follow?: true;
  readonly since?: string;
  readonly tail: string;
  readonly service?: string;
  readonly level?: LogLevel;
  readonly host?: true;
  readonly json?: true;
}

// Given: what the supervisor keeps of a service at most.
const mostLines = 10_000;

export const register: RegisterCommand = (program, surroundings) => {
  const command = program
    .command('logs <enclave>')
    .description('show the lines of an enclave’s services, with the operator’s key, between the events of its host')
    .option('-f, --follow', 'until it ends, or Ctrl-C (exit 130)')
    .option('--since <time>', 'so long ago (10m), or a moment (RFC 3339)')
    .option('--tail <lines>', 'the newest lines', '200')
    .option('--service <name>', 'of one service alone')
    .addOption(
      new Option('--level <level>', 'nothing less grave; default logs.level of caisson.yaml, else everything').choices(
        LOG_LEVELS,
      ),
    )
    .option('--host', 'what this host kept, without a session')
    .option('--json', 'print one JSON document; with -f one for each line');
  withExitAction(withControlFlags(command), async (name: string, flags: Flags) => {
    const { parseSince, parseTail } = await import('../moment-flag.ts');
    const { showLogs } = await import('../log-session.ts');
    return await showLogs(await openEnclaveSource(surroundings), name, surroundings, {
      follow: flags.follow === true,
      json: flags.json === true,
      hostOnly: flags.host === true,
      sinceMs: flags.since === undefined ? 0 : parseSince(flags.since, Date.now()),
      tail: parseTail(flags.tail, mostLines),
      service: flags.service,
      level: flags.level,
      openSession: () => openSession(name, flags, surroundings),
    });
  });
};

/** Whoever has no key or no policy is told what there is without. */
async function openSession(name: string, flags: Flags, surroundings: Surroundings) {
  const { createControlInitClient } = await import('@caisson/link/control');
  try {
    return createControlInitClient(await openControlSession(name, flags, surroundings));
  } catch (error) {
    if (!(error instanceof UsageError)) throw error;
    const without = `caisson logs ${name} --host shows what this host kept, without a session`;
    throw new UsageError(error.message, error.hint === undefined ? without : `${error.hint}; ${without}`);
  }
}

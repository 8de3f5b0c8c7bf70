// `caisson job`: commands that outlive the session that starts them, with their output kept.

import type { Command } from 'commander';
import { withApprovedAction } from '../approving-session.ts';
import { withApproverFlag, withControlFlags } from '../control-flag.ts';
import { withExitAction } from '../exit-action.ts';
import { EXIT_OK } from '../exit-code.ts';
import {
  type CommandFlags,
  EXIT_CAISSON,
  failingAs,
  parseSignal,
  requestOf,
  type SessionFlags,
  withSession,
} from '../pipeline-session.ts';
import { collect } from '../repeatable.ts';
import type { RegisterCommand, Surroundings } from '../surroundings.ts';

interface LogFlags extends SessionFlags {
  readonly follow?: true;
}
interface KillFlags extends SessionFlags {
  readonly signal?: string;
}
type ListFlags = SessionFlags & { readonly json?: true };

export const register: RegisterCommand = (program, surroundings) => {
  const job = program.command('job').description('commands that outlive the session that starts them');
  registerStart(job, surroundings);
  const list = job.command('list <enclave>').alias('ls').description('what runs and what has ended');
  withExitAction(
    withApproverFlag(withControlFlags(list.option('--json', 'one JSON document'))),
    async (enclave: string, flags: ListFlags) => {
      const { listJobs } = await import('@caisson/link/pipeline');
      const { printJobs } = await import('../job-report.ts');
      const jobs = await withSession(enclave, flags, surroundings, ({ channel }) => listJobs(channel));
      printJobs(jobs, flags.json === true, surroundings.stdout);
      return EXIT_OK;
    },
  );
  const logs = job.command('logs <enclave> <job>').description('what it has written, each stream on its own');
  withExitAction(
    withApproverFlag(withControlFlags(logs.option('-f, --follow', 'and what it writes, until it ends'))),
    async (enclave: string, name: string, flags: LogFlags) => {
      const { showJobLogs } = await import('../job-report.ts');
      await withSession(enclave, flags, surroundings, ({ channel }) =>
        showJobLogs(channel, name, flags.follow === true, surroundings),
      );
      return EXIT_OK;
    },
  );
  const wait = job.command('wait <enclave> <job>').description('until it has ended; its own exit code');
  withExitAction(
    withApproverFlag(withControlFlags(wait)),
    async (enclave: string, name: string, flags: SessionFlags) => {
      const { exitCodeOfEnd, waitForJob } = await import('@caisson/link/pipeline');
      return failingAs(EXIT_CAISSON, surroundings, () =>
        withSession(enclave, flags, surroundings, async ({ channel }) =>
          exitCodeOfEnd(await waitForJob(channel, name, surroundings.stop)),
        ),
      );
    },
  );
  const kill = job.command('kill <enclave> <job>').description('send it a signal');
  withApprovedAction(
    kill.option('-s, --signal <signal>', 'name or number; default TERM'),
    surroundings,
    async (enclave: string, name: string, flags: KillFlags) => {
      const { signalJob } = await import('@caisson/link/pipeline');
      const signal = parseSignal(flags.signal ?? 'TERM');
      await withSession(enclave, flags, surroundings, ({ channel }) => signalJob(channel, name, signal));
      return EXIT_OK;
    },
  );
};

function registerStart(job: Command, surroundings: Surroundings): void {
  const start = job
    .command('start <enclave> <command...>')
    .description('start a command and print its name: caisson job start NAME -- CMD ARGS')
    .option('-e, --env <name=value>', 'set a variable that the image gives out; may be repeated', collect)
    .option('--cwd <folder>', 'where it runs; default /')
    .option('-u, --user <user>', 'as whom: user or user:group of the image; default root')
    .option('--timeout <duration>', 'told to end after it: 90s, 5m');
  withApprovedAction(
    start,
    surroundings,
    async (enclave: string, argv: readonly string[], flags: SessionFlags & CommandFlags) => {
      const { startJob } = await import('@caisson/link/pipeline');
      const request = await requestOf(argv, flags, { terminal: null, hasInput: false });
      return failingAs(EXIT_CAISSON, surroundings, async () => {
        const name = await withSession(enclave, flags, surroundings, ({ channel }) => startJob(channel, request));
        surroundings.stdout.write(`${name}\n`);
        return EXIT_OK;
      });
    },
  );
}

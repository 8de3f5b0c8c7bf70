// Acts that an image lets nobody do alone, from the command line: with further keys that are here (`--approve-with`), or with approvals that others
// have given on machines of their own: the act is written to a file (`--request-approval`), each of them signs it (`caisson operator
// approve`), and what comes back goes along (`--approval`).
import { readFileSync, writeFileSync } from 'node:fs';
import type { ApproveRequest, ControlSession } from '@caisson/link/control';
import type { Command } from 'commander';
import { type ApproverFlags, readApprovers, withApproverFlag, withControlFlags } from './control-flag.ts';
import { withExitAction } from './exit-action.ts';
import { EXIT_OK, UsageError } from './exit-code.ts';
import { collect } from './repeatable.ts';
import type { Surroundings } from './surroundings.ts';

export interface ApprovalFlags extends ApproverFlags {
  readonly requestApproval?: string;
  readonly approval?: readonly string[];
}

// Chosen: whoever has to approve may be asleep or in a meeting. An enclave accepts at most a day.
const requestSeconds = 4 * 3_600;

/** An action for a command whose acts may need several operators: adds the flags, and ends well if the act was only written to a file. */
export function withApprovedAction<Words extends readonly unknown[]>(
  command: Command,
  surroundings: Surroundings,
  run: (...words: Words) => Promise<number>,
): Command {
  const flagged = withApproverFlag(withControlFlags(command))
    .option('--request-approval <file>', 'do nothing; write what others are to approve (caisson operator approve)')
    .option('--approval <file>', 'an approval that another operator has given for this; repeatable', collect);
  return withExitAction(flagged, (...words: Words) => orRequested(run(...words), surroundings));
}

/** The act was written to a file for others to approve, and not done. */
export class ApprovalRequested extends Error {}

/** Runs `work`. If its act was only written down, that is no failure, and the next step is printed. */
async function orRequested(work: Promise<number>, { stderr }: Pick<Surroundings, 'stderr'>): Promise<number> {
  try {
    return await work;
  } catch (error) {
    if (!(error instanceof ApprovalRequested)) throw error;
    stderr.write(
      `${error.message}\n  each operator: caisson operator approve FILE; then this command again with --approval FILE.approval\n`,
    );
    return EXIT_OK;
  }
}

/** The session, in which every request is approved first where these flags are given. Throws UsageError for flags that exclude each other. */
export async function withApprovals(
  session: ControlSession,
  flags: ApprovalFlags,
  surroundings: Pick<Surroundings, 'env'>,
): Promise<ControlSession> {
  const { approveWith = [], approval = [], requestApproval } = flags;
  const ways = [approveWith.length > 0, approval.length > 0, requestApproval !== undefined].filter(Boolean).length;
  if (ways === 0) return session;
  if (ways > 1) throw new UsageError('--approve-with, --approval and --request-approval are three ways: give one');
  const { CONTROL_REQUEST, createApprovingChannel, encodeApprovalRequest, parseApprovalFile } = await import(
    '@caisson/link/control'
  );
  const { describeAct, verbOfAct } = await import('@caisson/link/pipeline');
  const approvers = await readApprovers(flags, surroundings);
  const given = approval.map((file) => parseApprovalFile(readFileSync(file)));
  const approve: ApproveRequest = async (type, payload) => {
    const verb = verbOfAct(type);
    if (requestApproval !== undefined) {
      const draft = session.draftApproval(verb, type, payload, requestSeconds);
      writeFileSync(requestApproval, encodeApprovalRequest({ approval: draft, type, payload }), { flag: 'wx' });
      throw new ApprovalRequested(`nothing was done; ${requestApproval} asks to ${describeAct(type, payload)}`);
    }
    // Where one operator is enough there is nothing to approve.
    if ((await session.info()).threshold <= 1) return;
    if (given.length > 0) await session.approveWith(verb, type, payload, given);
    else await session.approve(verb, type, payload, approvers);
  };
  return {
    ...session,
    channel: createApprovingChannel(session.channel, approve),
    async sendOperatorList(list) {
      await approve(CONTROL_REQUEST.operators, list);
      await session.sendOperatorList(list);
    },
  };
}

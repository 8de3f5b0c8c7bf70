// Acts that an image lets nobody do alone, from the command line: with further keys that are here (`--approve-with`), or with approvals that others
// have given on machines of their own: the act is written to a file (`--request-approval`), each of them signs it (`caisson operator
// approve`), and what comes back goes along (`--approval`).
import { readFileSync, writeFileSync } from 'node:fs';
import type { ControlSession } from '@caisson/link/control';
import type { Command } from 'commander';
import { type ApproverFlags, readApprovers, withApproverFlag, withControlFlags } from './control-flag.ts';
import { withExitAction } from './exit-action.ts';
import { EXIT_OK, UsageError } from './exit-code.ts';
import type { Surroundings } from './surroundings.ts';
import { collect } from './trust-root.ts';

export interface ApprovalFlags extends ApproverFlags {
  readonly requestApproval?: string;
  readonly approval?: readonly string[];
}

// Chosen: others are asleep or in a meeting. An enclave takes a day at most.
const requestSeconds = 4 * 3_600;

/** An action in a session whose acts may need several: its flags, and its end where the act was written down. */
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

/** The act was written down instead of done. */
export class ApprovalRequested extends Error {}

/** `work`; an act that was written down is no failure, and what there is to do next is said. */
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

/** `session`, with every request approved first where these flags are given. Throws UsageError for flags that cannot be together. */
export async function withApprovals(
  session: ControlSession,
  flags: ApprovalFlags,
  surroundings: Pick<Surroundings, 'env'>,
): Promise<ControlSession> {
  const { approveWith = [], approval = [], requestApproval } = flags;
  const ways = [approveWith.length > 0, approval.length > 0, requestApproval !== undefined].filter(Boolean).length;
  if (ways === 0) return session;
  if (ways > 1) throw new UsageError('--approve-with, --approval and --request-approval are three ways: give one');
  const { createApprovingChannel, encodeApprovalRequest, parseApprovalFile } = await import('@caisson/link/control');
  const { describeAct, verbOfAct } = await import('@caisson/link/pipeline');
  const approvers = await readApprovers(flags, surroundings);
  const given = approval.map((file) => parseApprovalFile(readFileSync(file)));
  const channel = createApprovingChannel(session.channel, async (type, payload) => {
    const verb = verbOfAct(type);
    if (requestApproval !== undefined) {
      const draft = session.draftApproval(verb, type, payload, requestSeconds);
      writeFileSync(requestApproval, encodeApprovalRequest({ approval: draft, type, payload }), { flag: 'wx' });
      throw new ApprovalRequested(`nothing was done; ${requestApproval} asks to ${describeAct(type, payload)}`);
    }
    // Where one is enough an approval would wait for nothing.
    if ((await session.info()).threshold <= 1) return;
    if (given.length > 0) await session.approveWith(verb, type, payload, given);
    else await session.approve(verb, type, payload, approvers);
  });
  return { ...session, channel };
}

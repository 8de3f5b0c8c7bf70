// What an operator does with a proven session: run a command, keep jobs, copy files. Policy and proof are the session's (link/control).

import { CaissonError } from '@caisson/core/errors';
import type { Channel } from '../channel/index.ts';
import { said } from '../control/index.ts';
import type { PipelineErrorCode } from './error-code.ts';
import { type AttachedCommand, type AttachOptions, attachCommand } from './exec/client.ts';
import { type CommandEnd, parseEnd } from './exec/process.ts';
import { type CommandRequest, encodeCommand } from './exec/request.ts';
import { encodeFields } from './fields.ts';
import { encodeLogRequest, type Job, type JobLogRequest, parseJobs } from './job/job.ts';
import { recordFault } from './record.ts';
import { PIPELINE_REQUEST } from './request-type.ts';

export type { CopyOptions, LocalPlace } from './copy/client.ts';
export { copyIn, copyOut } from './copy/client.ts';

// Chosen: a session's own wait for `ready` is inside it.
const startDeadlineMs = 60_000;
const nothing = new Uint8Array();

/** Rejects PIPELINE_* and CONTROL_*: then nothing has run. */
export async function runCommand(
  channel: Channel,
  request: CommandRequest,
  streams: AttachOptions,
): Promise<AttachedCommand> {
  const stream = channel.open(PIPELINE_REQUEST.exec, encodeCommand(request), { deadlineMs: startDeadlineMs });
  await said(stream.reply);
  const attached = attachCommand(stream, streams);
  return { ...attached, ended: said(attached.ended) };
}

/** The job's name. */
export async function startJob(channel: Channel, request: CommandRequest): Promise<string> {
  const options = { deadlineMs: startDeadlineMs };
  const reply = await said(channel.request(PIPELINE_REQUEST.jobStart, encodeCommand(request), options));
  return Buffer.from(reply).toString('latin1');
}

export async function listJobs(channel: Channel): Promise<readonly Job[]> {
  return parseJobs(await said(channel.request(PIPELINE_REQUEST.jobList, nothing)));
}

/** What is kept, and with `follow` what comes, until the job has ended. */
export async function* readJobLogs(channel: Channel, request: JobLogRequest): AsyncGenerator<Uint8Array> {
  const stream = channel.open(PIPELINE_REQUEST.jobLogs, encodeLogRequest(request), { end: true });
  let isOver = false;
  try {
    await said(stream.reply);
    for await (const chunk of stream) yield Uint8Array.from(chunk);
    isOver = true;
  } finally {
    if (!isOver) stream.cancel();
  }
}

export async function waitForJob(channel: Channel, name: string, signal?: AbortSignal): Promise<CommandEnd> {
  const options = { deadlineMs: 0, ...(signal && { signal }) };
  const reply = await said(channel.request(PIPELINE_REQUEST.jobWait, Buffer.from(name), options));
  const end = parseEnd(reply);
  if (end === undefined) throw recordFault('an exit code or a signal', 'neither');
  return end;
}

export async function signalJob(channel: Channel, name: string, signal: number): Promise<void> {
  if (!Number.isInteger(signal) || signal < 1 || signal > 64) {
    throw new CaissonError<PipelineErrorCode>('PIPELINE_REQUEST', `signal must be in 1..64, got ${signal}`);
  }
  await said(channel.request(PIPELINE_REQUEST.jobKill, encodeFields({ 1: name, 2: signal })));
}

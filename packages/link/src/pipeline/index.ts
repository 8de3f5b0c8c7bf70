// Commands, jobs and copies of files over an operator's session. Both ends.
export { describeAct, verbOfAct } from './act.ts';
export type { CopyOptions, LocalPlace } from './client.ts';
export { copyIn, copyOut, listJobs, readJobLogs, runCommand, signalJob, startJob, waitForJob } from './client.ts';
export type { FileRoot } from './copy/request.ts';
export type { CopyResult } from './copy/result.ts';
export type { PipelineErrorCode } from './error-code.ts';
export { PIPELINE_ERROR_CODES } from './error-code.ts';
export type { AttachedCommand, AttachOptions } from './exec/client.ts';
export type { CommandEnd, CommandStarter, RunningCommand } from './exec/process.ts';
export { exitCodeOfEnd } from './exec/process.ts';
export type { CommandRequest, TerminalSize } from './exec/request.ts';
export type { PipelineServerOptions } from './handlers.ts';
export { createPipelineHandlers, DEVELOPMENT_ROOTS } from './handlers.ts';
export type { Job, JobHost, JobLogRequest, JobStart, JobStream } from './job/job.ts';
export { jobNameForm } from './job/job.ts';
export { PIPELINE_REQUEST } from './request-type.ts';

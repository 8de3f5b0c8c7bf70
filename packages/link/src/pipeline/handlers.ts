// The pipeline's requests as the control channel serves them: each behind its verb, none before the enclave is ready.
import { toUtf8 } from '@caisson/core/bytes';
import { CaissonError } from '@caisson/core/errors';
import type { ControlCaller, ControlHandlers } from '../control/index.ts';
import type { FileRoot } from './copy/request.ts';
import { giveCopyOut, takeCopyIn } from './copy/server.ts';
import type { PipelineErrorCode } from './error-code.ts';
import { type CommandStarter, encodeEnd } from './exec/process.ts';
import { parseCommand, verifyCommand } from './exec/request.ts';
import { carryCommand } from './exec/server.ts';
import { encodeFields, Fields } from './fields.ts';
import { encodeJobs, type JobHost, parseLogRequest } from './job/job.ts';
import { PIPELINE_REQUEST } from './request-type.ts';

export interface PipelineServerOptions {
  readonly starter: CommandStarter;
  readonly jobs: JobHost;
  /** What the image gives out; a development image has `/` for both. */
  readonly roots: readonly FileRoot[];
  /** Names of variables that the image gives out. */
  readonly environment: readonly string[];
}

export const DEVELOPMENT_ROOTS: readonly FileRoot[] = [{ path: '/', access: 'both' }];

export function createPipelineHandlers(options: PipelineServerOptions): ControlHandlers {
  const { starter, jobs, roots, environment } = options;
  const variablesOf = (request: ReturnType<typeof parseCommand>, caller: ControlCaller) =>
    verifyCommand(request, { profile: caller.profile, operator: caller.operator, environment });
  return {
    [PIPELINE_REQUEST.exec]: {
      verb: 'exec',
      needsReady: true,
      async stream(stream, caller) {
        const request = parseCommand(Uint8Array.from(stream.payload));
        const command = await starter.start(request, variablesOf(request, caller));
        try {
          stream.reply(encodeFields({ 1: command.pid }));
        } catch (error) {
          command.signal(9);
          command.release();
          throw error;
        }
        const gone = AbortSignal.any([stream.signal, caller.ended]);
        await carryCommand(command, stream, { timeoutMs: request.timeoutMs, gone });
      },
    },
    [PIPELINE_REQUEST.jobStart]: {
      verb: 'job',
      needsReady: true,
      async answer(payload, _call, caller) {
        const request = parseCommand(payload);
        const variables = variablesOf(request, caller);
        const { argv, cwd, user, timeoutMs } = request;
        const job = await jobs.start({ argv, cwd, user, timeoutMs, variables, operator: caller.operator.name });
        return toUtf8(job.name);
      },
    },
    [PIPELINE_REQUEST.jobList]: { verb: 'job', answer: () => encodeJobs(jobs.list()) },
    [PIPELINE_REQUEST.jobLogs]: {
      verb: 'job',
      async stream(stream, caller) {
        const { name, stream: which, follow } = parseLogRequest(stream.payload);
        jobs.find(name);
        stream.reply(new Uint8Array());
        const gone = AbortSignal.any([stream.signal, caller.ended]);
        for await (const bytes of jobs.read(name, which, follow, gone)) await stream.write(bytes);
        await stream.end();
      },
    },
    [PIPELINE_REQUEST.jobWait]: {
      verb: 'job',
      async answer(payload, call, caller) {
        return encodeEnd(await jobs.wait(nameOf(payload), AbortSignal.any([call.signal, caller.ended])));
      },
    },
    [PIPELINE_REQUEST.jobKill]: {
      verb: 'job',
      answer(payload) {
        const fields = new Fields(payload, 'request to signal');
        const [name, signal] = [fields.text(1, 64), fields.integer(2, 64)];
        fields.end();
        jobs.signal(name, signal);
        return undefined;
      },
    },
    [PIPELINE_REQUEST.copyIn]: {
      verb: 'copy-in',
      needsReady: true,
      pieces: true,
      stream: (stream) => takeCopyIn(stream, roots),
    },
    [PIPELINE_REQUEST.copyOut]: { verb: 'copy-out', needsReady: true, stream: (stream) => giveCopyOut(stream, roots) },
  };
}

function nameOf(payload: Uint8Array): string {
  const name = Buffer.from(payload).toString('latin1');
  if (name.length <= 64) return name;
  throw new CaissonError<PipelineErrorCode>('PIPELINE_JOB_UNKNOWN', 'job must have a name, got something else');
}

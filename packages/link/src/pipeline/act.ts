// What a request that several operators may have to approve does: one of the pipeline, or an operator list. For whoever is asked to approve it: the verb that it needs, and its words for a person.
import { ParseError } from '@caisson/core/errors';
import { plain } from '@caisson/core/log';
import { CONTROL_REQUEST, type ControlVerb, describeOperatorList } from '../control/index.ts';
import { parseCopyRequest } from './copy/request.ts';
import type { PipelineErrorCode } from './error-code.ts';
import { parseCommand } from './exec/request.ts';
import { Fields } from './fields.ts';
import { parseLogRequest } from './job/job.ts';
import { PIPELINE_REQUEST } from './request-type.ts';

const verbs: Readonly<Record<number, ControlVerb>> = {
  [PIPELINE_REQUEST.exec]: 'exec',
  [PIPELINE_REQUEST.jobStart]: 'job',
  [PIPELINE_REQUEST.jobList]: 'job',
  [PIPELINE_REQUEST.jobLogs]: 'job',
  [PIPELINE_REQUEST.jobWait]: 'job',
  [PIPELINE_REQUEST.jobKill]: 'job',
  [PIPELINE_REQUEST.copyIn]: 'copy-in',
  [PIPELINE_REQUEST.copyOut]: 'copy-out',
  [CONTROL_REQUEST.operators]: 'operators',
};

/** Throws ParseError PIPELINE_REQUEST for any other type. */
export function verbOfAct(type: number): ControlVerb {
  const verb = verbs[type];
  if (verb !== undefined) return verb;
  throw new ParseError<PipelineErrorCode>(
    'PIPELINE_REQUEST',
    `act must be one of the pipeline or an operator list, got type ${type}`,
  );
}

/** One line; what somebody else has written drives no terminal. Throws ParseError PIPELINE_REQUEST for what is no request of its type, CONTROL_LIST_FORM for what is no list. */
export function describeAct(type: number, payload: Uint8Array): string {
  verbOfAct(type);
  if (type === PIPELINE_REQUEST.exec || type === PIPELINE_REQUEST.jobStart) {
    const { argv, env, cwd, user, hasInput, terminal } = parseCommand(payload);
    const more = [
      ...(user === null ? [] : [`as ${user}`]),
      ...(cwd === null ? [] : [`in ${cwd}`]),
      ...(env.length === 0 ? [] : [`with ${env.join(' ')}`]),
      // What is typed into it is nobody's to approve: it comes later.
      ...(hasInput ? ['with an input that is not part of this'] : []),
      ...(terminal === null ? [] : ['on a terminal']),
    ];
    const what = type === PIPELINE_REQUEST.exec ? 'run' : 'start the job';
    return plain([`${what} ${JSON.stringify(argv)}`, ...more].join(' '));
  }
  if (type === PIPELINE_REQUEST.copyIn) {
    const { path, into, sourceName } = parseCopyRequest(payload);
    return plain(
      `write to ${JSON.stringify(path)}${into ? ` what is called ${JSON.stringify(sourceName)}` : ''}; its contents are not part of this`,
    );
  }
  if (type === PIPELINE_REQUEST.copyOut) {
    const { path, recursive } = parseCopyRequest(payload);
    return plain(`read ${JSON.stringify(path)}${recursive ? ' and all below it' : ''}`);
  }
  if (type === CONTROL_REQUEST.operators) return describeOperatorList(payload);
  if (type === PIPELINE_REQUEST.jobLogs) return plain(`read the output of ${parseLogRequest(payload).name}`);
  if (type === PIPELINE_REQUEST.jobWait)
    return plain(`wait for ${Buffer.from(payload.subarray(0, 64)).toString('latin1')}`);
  if (type === PIPELINE_REQUEST.jobKill) {
    const fields = new Fields(payload, 'request to signal');
    const [name, signal] = [fields.text(1, 64), fields.integer(2, 64)];
    fields.end();
    return plain(`send signal ${signal} to ${name}`);
  }
  return 'list the jobs';
}

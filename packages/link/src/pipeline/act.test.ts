// What an operator is told that he approves is what the enclave would do.
import { deepEqual, equal, match, throws } from 'node:assert/strict';
import { test } from 'node:test';
import { encodeCopyRequest } from './copy/request.ts';
import { encodeCommand } from './exec/request.ts';
import { createPipelineHandlers, describeAct, PIPELINE_REQUEST, verbOfAct } from './index.ts';

const command = {
  argv: ['/bin/df', '-h'],
  env: [],
  cwd: null,
  user: null,
  timeoutMs: null,
  terminal: null,
  hasInput: false,
};

test('each type has the verb under which it is served', () => {
  const handlers = createPipelineHandlers({ roots: [], environment: [] } as never);
  deepEqual(
    Object.entries(handlers).map(([type, { verb }]) => [Number(type), verb]),
    Object.values(PIPELINE_REQUEST).map((type) => [type, verbOfAct(type)]),
  );
  throws(() => verbOfAct(36), { code: 'PIPELINE_REQUEST' });
});

test('a command is shown whole, with all that changes what it does', () => {
  equal(describeAct(PIPELINE_REQUEST.exec, encodeCommand(command)), 'run ["/bin/df","-h"]');
  const more = { ...command, env: ['A=1'], cwd: '/data', user: 'web', hasInput: true };
  equal(
    describeAct(PIPELINE_REQUEST.jobStart, encodeCommand(more)),
    'start the job ["/bin/df","-h"] as web in /data with A=1 with an input that is not part of this',
  );
  const hostile = { ...command, argv: ['/bin/echo', '\u001b[2J\u202e'] };
  match(describeAct(PIPELINE_REQUEST.exec, encodeCommand(hostile)), /^[\x20-\x7e]+$/);
});

test('a copy is shown by its place, and that its contents are nobody’s to approve', () => {
  const copy = { path: '/data', into: true, sourceName: 'x', recursive: true, resume: false, checksum: false };
  match(
    describeAct(PIPELINE_REQUEST.copyIn, encodeCopyRequest(copy)),
    /^write to "\/data" what is called "x"; its contents are not/,
  );
  equal(describeAct(PIPELINE_REQUEST.copyOut, encodeCopyRequest(copy)), 'read "/data" and all below it');
});

test('what is no request of its type is not described', () => {
  for (const type of [PIPELINE_REQUEST.exec, PIPELINE_REQUEST.copyIn, PIPELINE_REQUEST.jobKill])
    throws(() => describeAct(type, Uint8Array.of(1, 2, 3)), { code: 'PIPELINE_REQUEST' });
});

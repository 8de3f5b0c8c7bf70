// What people and scripts are told of enclaves that were brought up, and of one that they look at.
import { deepEqual, equal, match, ok } from 'node:assert/strict';
import { test } from 'node:test';
import type { UpOutcome } from '@caisson/host/engine';
import { assertFitsSchema } from '@caisson/testkit/contract';
import { fakeSpec, fakeState } from '@caisson/testkit/fake';
import { exitOfOutcomes } from './engine-session.ts';
import { inspectLines } from './inspect-report.ts';
import { failureLines, outcomeFacts, readyLines } from './up-report.ts';

const hash = 'ab'.repeat(48);
const ready: UpOutcome = {
  name: 'web',
  kind: 'ready',
  unchanged: false,
  changes: [],
  backend: 'sim',
  cid: 16,
  profile: 'development',
  image: { path: '/web.eif', measurements: { PCR0: hash, PCR1: hash, PCR2: hash } },
  debug: false,
  ingress: ['127.0.0.1:8080 -> 3000'],
  failedIn: null,
  readyMs: 1_280,
  failure: null,
  phases: [{ phase: 'build', ms: 5, note: null }],
  verdict: { holds: true, simulated: true, policy: '/p/web.yaml', operator: 'dev', pcrs: { PCR0: hash } },
};
const failed: UpOutcome = {
  ...ready,
  kind: 'late',
  verdict: null,
  readyMs: null,
  failedIn: 'services',
  failure: {
    code: 'SHIM_LATE',
    message: 'enclave web must be ready\nin time',
    hint: 'wait\u001b[2J longer',
    evidence: [{ what: 'last words of app', lines: ['I \u001b[2Jlive'] }],
  },
};

test('what is ready says where, by whom it was proven, and how to reach it', () => {
  deepEqual(readyLines(ready), [
    'web  READY  sim, CID 16, development, after 1.28 s',
    '  127.0.0.1:8080 -> 3000',
    '  VERIFIED (SIMULATED)  its document holds under /p/web.yaml',
  ]);
  const verdict = { holds: false, why: 'its image has no control channel', hint: 'operators', broken: false } as const;
  match(readyLines({ ...ready, verdict, debug: true }).join('\n'), /DEBUG[\s\S]*NOT VERIFIED {2}its image has no/);
  deepEqual(failureLines(ready), []);
});

test('what is not says one cause, what was seen, one thing to try, and nothing that steers a terminal', () => {
  deepEqual(failureLines(failed), [
    'web  NOT READY  in services',
    '  enclave web must be ready',
    '  in time',
    '  last words of app:',
    '    | I \\u001b[2Jlive',
    '  try: wait\\u001b[2J longer',
  ]);
  deepEqual(readyLines(failed), []);
  const verdict = { holds: false, why: 'PCR0 must be another', hint: null, broken: true } as const;
  deepEqual(failureLines({ ...ready, kind: 'refused', verdict, failedIn: 'verified' }), [
    'web  REFUSED  in verified',
    '  PCR0 must be another',
  ]);
});

test('the document fits its schema, whatever came of the enclaves', () => {
  const verdict = { holds: false, why: 'no key', hint: null, broken: false } as const;
  const skipped: UpOutcome = { ...failed, kind: 'skipped', image: null, backend: null, cid: null, profile: null };
  assertFitsSchema(outcomeFacts([ready, failed, skipped, { ...ready, verdict }]), 'up');
});

test('the exit code is that of the gravest: refused, failed, late, ready', () => {
  const exit = (...kinds: UpOutcome['kind'][]): number => exitOfOutcomes(kinds.map((kind) => ({ kind })));
  deepEqual([exit('ready', 'started'), exit('late', 'ready'), exit('late', 'skipped')], [0, 3, 3]);
  deepEqual([exit('failed', 'late'), exit('refused', 'failed', 'late'), exit('failed', 'skipped')], [1, 2, 1]);
  equal(exit(), 0);
});

test('inspect names the ways in and out of image and boot config, and where logs go, and no text of them steers a terminal', () => {
  const lines = inspectLines({
    name: 'web',
    state: fakeState('web'),
    folder: '/s',
    image: null,
    policyFile: null,
    fault: null,
    spec: fakeSpec('web', { logLevel: 'warn', logFile: '/var/log/\u001b[2Jweb.log' }),
    ingress: ['127.0.0.1:8080 -> 3000'],
    egress: [{ destination: 'sui.io:443', hostPort: 8100 }],
  });
  const shown = lines.filter((line) => /^ {2}(ingress|egress|logs) /.test(line));
  deepEqual(shown, [
    '  ingress     127.0.0.1:8080 -> 3000',
    '  egress      sui.io:443 by vsock 3:8100',
    '  logs        warn and graver',
    '  logs        also in /var/log/\\u001b[2Jweb.log',
  ]);
});

test('nothing that an enclave, its image or its host say of it steers a terminal where it is inspected', () => {
  const evil = 'x\u001b[2J\u009b\u202e\ny';
  const failure = { code: 'SHIM_FAILED', message: evil, hint: evil };
  const end = { at: '2026-11-21T10:00:00.000Z', exit: 1, byHost: false, text: evil };
  const lines = inspectLines({
    name: 'web',
    state: fakeState('web', { reasons: [evil], departures: [evil], vsock: evil, failure, end }),
    folder: evil,
    image: null,
    policyFile: evil,
    fault: { code: 'RECORD_FORM', message: evil, hint: evil },
    spec: fakeSpec('web', { image: evil, labels: { [evil]: evil }, composeFile: evil }),
    ingress: [],
    egress: [{ destination: evil, hostPort: null }],
  });
  for (const line of lines) ok(!/[\p{Cc}\p{Cf}]/u.test(line), JSON.stringify(line));
  equal(lines.join('').split('\\u001b[2J').length - 1, 15);
});

// What `inspect` says of an enclave that was asked for with more than an image.
import { deepEqual } from 'node:assert/strict';
import { test } from 'node:test';
import { fakeSpec, fakeState } from '@caisson/testkit/fake';
import { inspectLines } from './inspect-report.ts';

test('inspect names the ways in and out of image and boot config, and where logs go, and no text of them steers a terminal', () => {
  const lines = inspectLines({
    ...{ name: 'web', state: fakeState('web'), folder: '/s', image: null, policyFile: null, fault: null },
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

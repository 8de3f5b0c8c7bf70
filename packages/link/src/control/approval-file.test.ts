// Files that operators send each other: read as they were written, and anything else a typed refusal.
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { CaissonError } from '@caisson/core/errors';
import { laneFigure } from '@caisson/testkit/contract';
import fc from 'fast-check';
import { encodeApprovalFile, encodeApprovalRequest, parseApprovalFile, parseApprovalRequest } from './approval-file.ts';
import { CONTROL_VERBS, hashAct } from './index.ts';

const bytes = (length: number) => fc.uint8Array({ minLength: length, maxLength: length });
const request = fc
  .record({
    type: fc.nat({ max: 255 }),
    payload: fc.uint8Array({ maxLength: 600 }),
    bootId: bytes(16),
    actId: bytes(16),
    serverKeySha256: bytes(32),
    verb: fc.constantFrom(...CONTROL_VERBS),
    notAfter: fc.nat({ max: 2 ** 31 }),
  })
  .map(({ type, payload, ...rest }) => ({
    type,
    payload: Uint8Array.from(payload),
    approval: { ...rest, actSha256: hashAct(type, payload) },
  }));
const numRuns = laneFigure('control-bytes');

test('a request for approval is read as it is written, with the hash of what it shows', () => {
  fc.assert(
    fc.property(request, (one) => {
      const read = parseApprovalRequest(Buffer.from(encodeApprovalRequest(one)));
      assert.deepEqual(
        [read.type, [...read.payload], read.approval.verb, read.approval.notAfter],
        [one.type, [...one.payload], one.approval.verb, one.approval.notAfter],
      );
      for (const key of ['bootId', 'actId', 'serverKeySha256', 'actSha256'] as const)
        assert.deepEqual([...read.approval[key]], [...one.approval[key]]);
    }),
    { seed: 1, numRuns },
  );
});

test('an approval in a file is read as it is written', () => {
  fc.assert(
    fc.property(bytes(44), fc.uint8Array({ maxLength: 400 }), (spki, message) => {
      const read = parseApprovalFile(Buffer.from(encodeApprovalFile({ spki, message })));
      assert.deepEqual([[...read.spki], [...read.message]], [[...spki], [...message]]);
    }),
    { seed: 2, numRuns },
  );
});

test('bent files are refused with their own code, or are another file of the same form', () => {
  fc.assert(
    fc.property(request, fc.nat(), fc.nat({ max: 255 }), fc.boolean(), (one, at, byte, cut) => {
      const text = Buffer.from(encodeApprovalRequest(one));
      text[at % text.length] = byte;
      for (const parse of [parseApprovalRequest, parseApprovalFile]) {
        try {
          parse(cut ? text.subarray(0, at % text.length) : text);
        } catch (error) {
          assert.ok(error instanceof CaissonError && error.code === 'CONTROL_APPROVAL', String(error));
        }
      }
    }),
    { seed: 3, numRuns },
  );
});

// CAISSON_VSOCK and CAISSON_CID, each fault with its words.
import { equal, throws } from 'node:assert/strict';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, before, test } from 'node:test';
import { CaissonError } from '@caisson/core/errors';
import { createFakeKernel } from '@caisson/testkit/fake';
import fc from 'fast-check';
import { openTransportFromEnvironment } from './from-environment.ts';
import type { Transport } from './transport.ts';

let directory: string;
before(() => {
  directory = mkdtempSync(join(tmpdir(), 'caisson-'));
});
after(() => rmSync(directory, { recursive: true }));

function open(vsock: string | undefined, cid?: string): Transport {
  return openTransportFromEnvironment({ CAISSON_VSOCK: vsock, CAISSON_CID: cid }, createFakeKernel());
}

test('opens the kernel when nothing is said or when it is named, without asking the kernel anything', () => {
  const kernel = createFakeKernel();
  equal(openTransportFromEnvironment({}, kernel).kind, 'kernel');
  equal(openTransportFromEnvironment({ CAISSON_VSOCK: 'kernel' }, kernel).kind, 'kernel');
  equal(kernel.calls.length, 0);
});

test('opens a fabric and a hybrid as CID 3, or as the CID that is named', () => {
  equal(open(`fabric:${directory}`).kind, 'fabric');
  equal(open(`fabric:${directory}`).localCid, 3);
  equal(open(`fabric:${directory}`, '16').localCid, 16);
  const hybrid = open('hybrid:16=/run/a.sock,17=/run/b=c.sock', '4294967294');
  equal(hybrid.kind, 'hybrid');
  equal(hybrid.localCid, 4294967294);
  equal(hybrid.planDial({ cid: 17 as never, port: 1 as never })?.address.kind, 'unix');
});

test('refuses every other setting with the variable, the value and the bound', () => {
  const form = 'CAISSON_VSOCK must be kernel, fabric:DIR or hybrid:CID=PATH[,CID=PATH], got';
  for (const [vsock, cid, message] of [
    ['', undefined, `${form} ""`],
    ['Kernel', undefined, `${form} "Kernel"`],
    ['fabric', undefined, `${form} "fabric"`],
    ['fabric:', undefined, 'CAISSON_VSOCK must be fabric:DIR, got "fabric:"'],
    ['hybrid:', undefined, 'CAISSON_VSOCK hybrid peer 1 must be CID=PATH, got ""'],
    ['hybrid:16=/a,', undefined, 'CAISSON_VSOCK hybrid peer 2 must be CID=PATH, got ""'],
    ['hybrid:16', undefined, 'CAISSON_VSOCK hybrid peer 1 must be CID=PATH, got "16"'],
    ['hybrid:x=/a', undefined, 'CAISSON_VSOCK hybrid peer 1 cid must be an integer in 3..4294967294, got "x"'],
    ['hybrid:16=/a,16=/b', undefined, 'CAISSON_VSOCK hybrid peer 2 must have a cid of its own, got 16 again'],
    ['hybrid:16=/a,17=/a', undefined, 'CAISSON_VSOCK hybrid peer 2 must have a path of its own, got /a again'],
    ['kernel', '2', 'CAISSON_CID must be an integer in 3..4294967294, got "2"'],
    ['kernel', '016', 'CAISSON_CID must be an integer in 3..4294967294, got "016"'],
    ['kernel', '', 'CAISSON_CID must be an integer in 3..4294967294, got ""'],
    ['kernel', '4294967295', 'CAISSON_CID must be an integer in 3..4294967294, got "4294967295"'],
  ] as const) {
    throws(() => open(vsock, cid), { name: 'ParseError', code: 'TRANSPORT_SETTING', message });
  }
});

test('names the variable when the transport refuses its folder or path', () => {
  throws(() => open('fabric:/nowhere/at/all'), {
    code: 'TRANSPORT_FOLDER',
    message: 'CAISSON_VSOCK: fabric folder /nowhere/at/all refused: it cannot be inspected (ENOENT)',
    hint: 'make a folder of your own for it: mkdir -m 700 /nowhere/at/all',
  });
  throws(() => open(`hybrid:16=${'x'.repeat(97)}`), { code: 'TRANSPORT_PATH_LENGTH', message: /^CAISSON_VSOCK: / });
});

test('answers any text with a transport or a CaissonError', () => {
  const setting = fc.oneof(
    fc.string(),
    fc.tuple(fc.constantFrom('kernel', 'fabric:', 'hybrid:', 'hybrid:16='), fc.string()).map((parts) => parts.join('')),
  );
  fc.assert(
    fc.property(setting, fc.option(fc.string(), { nil: undefined }), (vsock, cid) => {
      try {
        open(vsock, cid);
      } catch (error) {
        if (!(error instanceof CaissonError)) throw error;
      }
    }),
    { seed: 1, numRuns: 1_000 },
  );
});

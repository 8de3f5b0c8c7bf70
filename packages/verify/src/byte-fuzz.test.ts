// T-V2: bytes that mean nothing. Whatever goes in, the parsers answer with an error of their rooms, in time that grows with the input
// and not faster.
import assert from 'node:assert/strict';
import { before, test } from 'node:test';
import {
  parseAttestationCertificate,
  parseAttestationDocument,
  parseAttestationPayload,
} from '@caisson/core/attestation';
import { CaissonError } from '@caisson/core/errors';
import { forgeChain, forgeDocument } from '@caisson/testkit/authority';
import { laneFigure } from '@caisson/testkit/contract';
import fc from 'fast-check';
import { VerificationError, verifyDocument } from './index.ts';

const at = 1_780_000_000;
// Given: the plan's bound for a hang.
const maxMs = 50;
let corpus: Uint8Array[];
let rootPem: string;

before(async () => {
  const chain = await forgeChain({ at });
  rootPem = chain.rootPem;
  const document = await forgeDocument(chain, { timestamp: at * 1000 });
  const { cose } = parseAttestationDocument(document);
  corpus = [document, cose.payload, ...chain.path];
});

// Pieces of real inputs and of noise, spliced: noise alone dies at the first byte.
const spliced = fc.array(
  fc.oneof(
    fc.record({ which: fc.nat(), from: fc.nat(), length: fc.nat(400) }),
    fc.uint8Array({ maxLength: 12 }),
    fc.constantFrom(
      [0x9f],
      [0xbf],
      [0xff],
      [0x5b, 0x7f, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff],
      [0x30, 0x80],
      [0x30, 0x84, 0xff, 0xff, 0xff, 0xff],
    ),
  ),
  { maxLength: 12 },
);

function join(parts: readonly unknown[]): Uint8Array {
  return Buffer.concat(
    parts.map((part) => {
      if (Array.isArray(part) || part instanceof Uint8Array) return Uint8Array.from(part as number[]);
      const { which, from, length } = part as { which: number; from: number; length: number };
      const source = corpus[which % corpus.length]!;
      const start = from % 3 === 0 ? 0 : from % source.length;
      return source.subarray(start, start + length * (from % 7 === 0 ? 20 : 1));
    }),
  );
}

for (const [name, parse] of [
  ['documents', parseAttestationDocument],
  ['payloads', parseAttestationPayload],
  ['certificates', parseAttestationCertificate],
] as const) {
  test(`T-V2: ${name}: every input gives a value or an error of these rooms, none takes long`, () => {
    let slowest = 0;
    fc.assert(
      fc.property(spliced, (parts) => {
        const input = join(parts);
        let tookMs = Number.POSITIVE_INFINITY;
        // A machine that stops for a moment is no fault of a parser: what is slow is asked again.
        for (let tries = 0; tries < 3 && tookMs > maxMs; tries += 1) {
          const start = performance.now();
          try {
            parse(input);
          } catch (error) {
            assert.ok(error instanceof CaissonError, String(error));
          }
          tookMs = performance.now() - start;
        }
        slowest = Math.max(slowest, tookMs);
      }),
      { seed: 1, numRuns: laneFigure('T-V2') },
    );
    assert.ok(slowest < maxMs, `the slowest took ${slowest.toFixed(1)} ms`);
  });
}

// Buffers only: what an input makes a parser copy. Objects of the engine are held by the bounds on items and depth, and the next test
// holds those. A collection in between can only hide growth of one input, not of all of them.
test('T-V2: no input makes a parser copy more than eight times its bytes', () => {
  let most = 0;
  fc.assert(
    fc.property(spliced, (parts) => {
      const input = join(parts);
      for (const parse of [parseAttestationDocument, parseAttestationPayload, parseAttestationCertificate]) {
        const before = process.memoryUsage().arrayBuffers;
        try {
          parse(input);
        } catch (error) {
          assert.ok(error instanceof CaissonError, String(error));
        }
        const copied = process.memoryUsage().arrayBuffers - before;
        most = Math.max(most, copied);
        assert.ok(copied <= 8 * input.length, `${input.length} bytes made ${copied} bytes of buffers`);
      }
    }),
    { seed: 2, numRuns: laneFigure('T-V2') / 20 },
  );
  // Otherwise nothing was measured: sound documents among the inputs are copied in part.
  assert.ok(most > 0);
});

test('T-V2: as many items as a document may have take at most 8 MiB', () => {
  for (const item of [0x00, 0x40, 0x80, 0xa0]) {
    const flood = Uint8Array.from([0x99, 0x40, 0x00, ...new Array(16_384).fill(item)]);
    const before = process.memoryUsage();
    assert.throws(() => parseAttestationDocument(flood), { code: 'CBOR_ITEMS' });
    const { heapUsed, arrayBuffers } = process.memoryUsage();
    const taken = heapUsed - before.heapUsed + arrayBuffers - before.arrayBuffers;
    assert.ok(taken <= 8 * 2 ** 20, `items ${item.toString(16)} took ${taken} bytes`);
  }
});

test('T-V2: lengths of 2^63, nesting of 20,000 and a flood of items are refused without being followed', async () => {
  const bombs = [
    Uint8Array.from([0x84, 0x5b, 0x7f, ...new Array(7).fill(0xff)]),
    new Uint8Array(16_000).fill(0x81),
    new Uint8Array(20_000).fill(0x81),
    new Uint8Array(16_800).fill(0xa1),
    Uint8Array.from([0x99, 0x40, 0x00, ...new Array(16_384).fill(0)]),
    new Uint8Array(16_896).fill(0xbf),
    new Uint8Array(16_896).fill(0xd2),
    new Uint8Array(4_000_000),
  ];
  for (const bomb of bombs) {
    let tookMs = Number.POSITIVE_INFINITY;
    for (let tries = 0; tries < 3 && tookMs > maxMs; tries += 1) {
      const start = performance.now();
      await assert.rejects(verifyDocument(bomb, { at, roots: [rootPem] }), (error) => {
        assert.ok(error instanceof VerificationError);
        return error.class === 'CBOR' || error.class === 'COSE';
      });
      tookMs = performance.now() - start;
    }
    assert.ok(tookMs < maxMs, `${bomb.length} bytes took ${tookMs} ms`);
  }
});

test('T-V2: a document may change under the verifier’s hands without changing the verdict', async () => {
  const bytes = Uint8Array.from(corpus[0]!);
  const nonce = Uint8Array.of(1, 2, 3);
  const pending = verifyDocument(bytes, { at, roots: [rootPem], nonce });
  bytes.fill(0);
  nonce.fill(0);
  await assert.rejects(pending, { class: 'NONCE', expected: '010203', seen: 'null' });
});

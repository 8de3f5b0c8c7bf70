// The line that a fabric dialler says first.
import { deepEqual, equal, ok, throws } from 'node:assert/strict';
import { test } from 'node:test';
import { toCid, toVsockPort } from '@caisson/core/address';
import { ParseError } from '@caisson/core/errors';
import fc from 'fast-check';
import { formatPreamble, makeSourcePort, parsePreamble, preambleMaxBytes } from './preamble.ts';

const u32 = fc.integer({ min: 0, max: 0xfffffffe });

test('reads back every peer it writes, within 40 bytes', () => {
  fc.assert(
    fc.property(u32, u32, (cid, port) => {
      const peer = { cid: toCid(cid), port: toVsockPort(port) };
      const line = formatPreamble(peer);
      ok(Buffer.byteLength(line) <= preambleMaxBytes);
      deepEqual(parsePreamble(line.slice(0, -1)), peer);
    }),
    { seed: 1, numRuns: 500 },
  );
});

test('refuses what is not exactly the form, with a ParseError and nothing else', () => {
  const near = fc
    .tuple(fc.constantFrom('CAISSON-FABRIC/1', 'CAISSON-FABRIC/2', 'caisson-fabric/1', ''), fc.string(), fc.string())
    .map((words) => words.join(' '));
  fc.assert(
    fc.property(fc.oneof(near, fc.string({ unit: 'binary' })), (line) => {
      let peer: unknown;
      try {
        peer = parsePreamble(line);
      } catch (error) {
        ok(error instanceof ParseError && error.code === 'TRANSPORT_PREAMBLE', String(error));
        return;
      }
      // What is taken must be the only way to write it.
      equal(formatPreamble(peer as Parameters<typeof formatPreamble>[0]), `${line}\n`);
    }),
    { seed: 1, numRuns: 2_000 },
  );
});

test('refuses leading zeros, signs, blanks, carriage returns and numbers above u32', () => {
  for (const tail of ['016 1', '16 01', '+16 1', '-1 1', '16  1', '16 1 ', '16 1\r', '16', '1e3 1', '4294967295 1']) {
    throws(() => parsePreamble(`CAISSON-FABRIC/1 ${tail}`), { code: 'TRANSPORT_PREAMBLE' }, tail);
  }
  throws(() => parsePreamble('CAISSON-FABRIC/1 16 4294967295'), {
    message: 'fabric preamble vsock port must be an integer in 0..4294967294, got 4294967295',
  });
});

test('makes source ports up one after the other, above the reserved ones', () => {
  const ports = Array.from({ length: 100 }, makeSourcePort);
  equal(new Set(ports).size, 100);
  ok(ports.every((port) => port >= 1024 && port <= 0x3fffffff));
});

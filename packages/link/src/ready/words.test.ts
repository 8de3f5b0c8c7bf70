// Last words: whatever a service wrote arrives within the bounds, sealed ones open for the one key and for no other, and a part out of
// order is refused.
import { deepEqual, equal, notDeepEqual, ok, throws } from 'node:assert/strict';
import { createPublicKey, generateKeyPairSync, type KeyObject } from 'node:crypto';
import { test } from 'node:test';
import { CaissonError } from '@caisson/core/errors';
import fc from 'fast-check';
import { formatReadyLine, parseReadyLine, type SeenWordsPart } from './line.ts';
import { MAX_READY_LINE_BYTES, MAX_WORDS_BYTES, MAX_WORDS_PARTS, type ReadyWordsPart } from './messages.ts';
import { openLastWords } from './open-words.ts';
import { readWordsKey, sealLastWords } from './seal-words.ts';
import { spkiOfX25519 } from './words-box.ts';
import { boundWords, cutBox, cutLines, type SeenWords, WordsAssembly } from './words-part.ts';

const bootId = '0123456789abcdef0123456789abcdef';
const name = 'a'.repeat(63);
const { privateKey, publicKey } = generateKeyPairSync('x25519');

function carry(parts: readonly ReadyWordsPart[]): SeenWords | undefined {
  const assembly = new WordsAssembly();
  let seen: SeenWords | undefined;
  for (const part of parts) {
    const line = formatReadyLine(part);
    ok(Buffer.byteLength(line) <= MAX_READY_LINE_BYTES, `a line of ${Buffer.byteLength(line)} bytes`);
    equal(seen, undefined);
    seen = assembly.add(parseReadyLine(Buffer.from(line.trimEnd())) as SeenWordsPart);
  }
  ok(parts.length <= MAX_WORDS_PARTS, `${parts.length} parts`);
  return seen;
}

test('carries the newest lines that fit, whatever a service wrote', () => {
  const line = fc.oneof(
    fc.string({ maxLength: 100 }),
    fc.string({ unit: 'binary', maxLength: 60 }),
    fc.constantFrom('x'.repeat(100_000), '\u0000'.repeat(5_000), '😀'.repeat(900), '"\\\n'.repeat(1_200), '\ud800'),
  );
  fc.assert(
    fc.property(fc.array(line, { minLength: 1, maxLength: 260 }), (lines) => {
      const bounded = boundWords(lines);
      ok(bounded.length <= 200 && bounded.length > 0);
      ok(Buffer.byteLength(JSON.stringify(bounded)) <= MAX_WORDS_BYTES + 2);
      deepEqual(carry(cutLines(name, bounded)), { service: name, lines: bounded });
      const sealed = sealLastWords({ bootId, service: name, lines: bounded }, publicKey);
      deepEqual(carry(cutBox(name, sealed)), { service: name, sealed: Buffer.from(sealed) });
    }),
    { seed: 1, numRuns: process.env['CAISSON_LANE'] === 'deep' ? 2_000 : 60 },
  );
  deepEqual(boundWords(['one', 'two']), ['one', 'two']);
  deepEqual(boundWords(Array.from({ length: 300 }, (_, index) => `${index}`)).at(0), '100');
});

test('refuses a part that does not follow the one before it', () => {
  const part = (service: string, index: number, parts: number, content: SeenWordsPart['content'] = { lines: [] }) =>
    ({ kind: 'words', service, part: index, parts, content }) as const;
  const second: SeenWordsPart[] = [
    part('app', 0, 3),
    part('app', 2, 3),
    part('app', 1, 2),
    part('other', 1, 3),
    part('app', 1, 3, { sealed: 'AA==' }),
  ];
  for (const wrong of second) {
    const assembly = new WordsAssembly();
    assembly.add(part('app', 0, 3));
    throws(() => assembly.add(wrong), { code: 'READY_LINE_FORM', message: /does not follow part 0 of 3 of app/ });
  }
  throws(() => new WordsAssembly().add(part('app', 1, 2)), { message: /does not follow part none/ });
});

test('sealed words open for the measured key, and tell boot, service and lines', () => {
  const lines = ['first', '', 'zuletzt: größer als 0'];
  const box = sealLastWords(
    { bootId, service: 'app', lines },
    readWordsKey(publicKey.export({ format: 'der', type: 'spki' }).toString('base64')),
  );
  deepEqual(openLastWords(box, privateKey), { bootId, service: 'app', lines });
  notDeepEqual(box, sealLastWords({ bootId, service: 'app', lines }, publicKey));
  ok(!Buffer.from(box).includes('first'));
});

test('sealed words open for no other key, and not after any change of a byte', () => {
  const box = sealLastWords({ bootId, service: 'app', lines: ['secret'] }, publicKey);
  throws(() => openLastWords(box, generateKeyPairSync('x25519').privateKey), { code: 'READY_WORDS_OPEN' });
  for (const index of box.keys()) {
    const changed = Uint8Array.from(box);
    changed[index] = (changed[index] ?? 0) ^ 1;
    throws(
      () => openLastWords(changed, privateKey),
      (error: unknown) => error instanceof CaissonError && /READY_WORDS_(OPEN|BOX)/.test(error.code),
      `byte ${index}`,
    );
    throws(
      () => openLastWords(box.subarray(0, index), privateKey),
      (error: unknown) => error instanceof CaissonError && /READY_WORDS_(OPEN|BOX)/.test(error.code),
      `cut at ${index}`,
    );
  }
});

test('a box with a key of small order does not open, since anybody could have made it', () => {
  const box = Uint8Array.from(sealLastWords({ bootId, service: 'app', lines: ['x'] }, publicKey));
  box.fill(0, 8, 40);
  throws(() => openLastWords(box, privateKey), { code: 'READY_WORDS_OPEN' });
  const zero = createPublicKey({ key: spkiOfX25519(new Uint8Array(32)), format: 'der', type: 'spki' });
  throws(() => sealLastWords({ bootId, service: 'app', lines: ['x'] }, zero));
});

test('takes only an X25519 key, to seal and to open', () => {
  const ed: { publicKey: KeyObject; privateKey: KeyObject } = generateKeyPairSync('ed25519');
  throws(() => readWordsKey(ed.publicKey.export({ format: 'der', type: 'spki' }).toString('base64')), {
    code: 'READY_WORDS_KEY',
    message: /must be the SPKI of an X25519 key, got a key of ed25519/,
  });
  throws(() => readWordsKey('AAAA'), { code: 'READY_WORDS_KEY' });
  throws(() => openLastWords(new Uint8Array(200), ed.privateKey), { code: 'READY_WORDS_KEY' });
  throws(() => openLastWords(new Uint8Array(200), publicKey), { code: 'READY_WORDS_KEY' });
});

test('any bytes are a box that opens or an error with a code', () => {
  fc.assert(
    fc.property(fc.uint8Array({ maxLength: 400 }), (tail) => {
      for (const bytes of [tail, Buffer.concat([Buffer.from('CSNWORD1'), tail])]) {
        throws(
          () => openLastWords(bytes, privateKey),
          (error: unknown) => error instanceof CaissonError,
        );
      }
    }),
    { seed: 1, numRuns: 300 },
  );
});

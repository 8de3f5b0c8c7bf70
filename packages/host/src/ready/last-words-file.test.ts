// The file of last words: whole or not there, what was written is what is read, and a file of another making is refused by its place.
import { deepEqual, equal, match, rejects } from 'node:assert/strict';
import { generateKeyPairSync } from 'node:crypto';
import {
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  rmSync,
  statSync,
  truncateSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { test } from 'node:test';
import { openLastWords, sealLastWords } from '@caisson/link/ready';
import { type LastWords, readLastWords, writeLastWords } from './index.ts';

const bootId = 'a'.repeat(32);
const { publicKey, privateKey } = generateKeyPairSync('x25519');
const lastWords: LastWords = {
  cid: 16,
  bootId,
  profile: 'production',
  phase: 'failed',
  final: { exit: 1, code: 'start-limit' },
  seenAt: '2026-11-21T10:00:00.000Z',
  words: [
    { service: 'app', lines: ['one', '\u001b[31mtwo'] },
    { service: 'db', sealed: sealLastWords({ bootId, service: 'db', lines: ['secret'] }, publicKey) },
  ],
};

test('keeps words in the clear and sealed ones, for the owner alone, and leaves nothing else behind', async (t) => {
  const folder = mkdtempSync(join(tmpdir(), 'caisson-'));
  t.after(() => rmSync(folder, { recursive: true }));
  const path = join(folder, 'last-words.json');
  await writeLastWords(path, lastWords);
  await writeLastWords(path, lastWords);
  deepEqual(readdirSync(folder), ['last-words.json']);
  equal(statSync(path).mode & 0o777, 0o600);
  const read = await readLastWords(path);
  const [, sealed] = read.words;
  deepEqual(openLastWords(sealed && 'sealed' in sealed ? sealed.sealed : new Uint8Array(), privateKey).lines, [
    'secret',
  ]);
  deepEqual(
    {
      ...read,
      words: read.words.map((one) => ('sealed' in one ? { ...one, sealed: Uint8Array.from(one.sealed) } : one)),
    },
    lastWords,
  );
});

test('what an enclave can make a host keep at most can be read again', async (t) => {
  const folder = mkdtempSync(join(tmpdir(), 'caisson-'));
  t.after(() => rmSync(folder, { recursive: true }));
  const path = join(folder, 'last-words.json');
  // 64 parts of 4,096 bytes each, with what stands around the words.
  const most = 64 * 4_000;
  const sealed = Buffer.alloc((most / 4) * 3);
  const lines = Array<string>(200).fill('é"'.repeat(most / 200 / 4));
  const words = Array.from({ length: 32 }, (_, n) => ({ service: `s${n}`, ...(n % 2 === 0 ? { sealed } : { lines }) }));
  await writeLastWords(path, { ...lastWords, words: words as LastWords['words'] });
  equal((await readLastWords(path)).words.length, 32);
});

test('refuses what is no such file, with the place', async (t) => {
  const folder = mkdtempSync(join(tmpdir(), 'caisson-'));
  t.after(() => rmSync(folder, { recursive: true }));
  const path = join(folder, 'last-words.json');
  await writeLastWords(path, lastWords);
  const whole = JSON.parse(readFileSync(path, 'utf8')) as Record<string, unknown>;
  const faults: [unknown, RegExp][] = [
    [{ ...whole, v: 2 }, /: v: /],
    [{ ...whole, cid: -1 }, /: cid: /],
    [{ ...whole, bootId: 'x' }, /: bootId: /],
    [{ ...whole, phase: 'up' }, /: phase: /],
    [{ ...whole, extra: 1 }, /: file: .*extra/],
    [{ ...whole, words: [{ service: 'app' }] }, /: words\.0/],
    [{ ...whole, words: [{ service: 'app', sealed: '*' }] }, /: words\.0/],
    [[], /: file: /],
  ];
  for (const [value, message] of faults) {
    writeFileSync(path, JSON.stringify(value));
    await rejects(readLastWords(path), { code: 'READY_WORDS_FILE', message });
  }
  writeFileSync(path, '{');
  await rejects(readLastWords(path), { code: 'READY_WORDS_FILE', message: /is not JSON$/ });
  truncateSync(path, (16 << 20) + 1);
  await rejects(readLastWords(path), { code: 'READY_WORDS_FILE', message: /at most 16777216 bytes, got 16777217/ });
  mkdirSync(join(folder, 'sub'));
  await rejects(readLastWords(join(folder, 'sub')), { code: 'READY_WORDS_FILE', message: /regular file/ });
  await rejects(readLastWords(join(folder, 'none')), (error: Error) => {
    match(error.message, /could not read last words .*: ENOENT/);
    return true;
  });
});

// The examples of docs/wire/ready.md and docs/wire/health.md, held against the code in both directions.
import { deepEqual, equal, ok } from 'node:assert/strict';
import { createPrivateKey, createPublicKey, type KeyObject } from 'node:crypto';
import { readFileSync } from 'node:fs';
import { test } from 'node:test';
import { encodeFrame } from '@caisson/core/frame';
import {
  formatReadyLine,
  openLastWords,
  PHASES,
  parseReadyLine,
  REASON_CODES,
  sealLastWords,
  statusOfPhase,
} from './index.ts';
import type { ReadyMessage } from './messages.ts';

const read = (name: string): string =>
  readFileSync(new URL(`../../../../docs/wire/${name}.md`, import.meta.url), 'utf8');
const [ready, health] = [read('ready'), read('health')];

function textOf(page: string, name: string): string {
  const [, text = ''] = new RegExp(`^\`\`\`text ${name}\\n([^\`]+)\\n\`\`\``, 'm').exec(page) ?? [];
  ok(text.length > 0, name);
  return text;
}

function hexOf(page: string, name: string): string {
  const [, body = ''] = new RegExp(`^\`\`\`hex ${name}[^\\n]*\\n([^\`]+)^\`\`\``, 'm').exec(page) ?? [];
  return body.replace(/\|.*$/gm, '').replace(/\s/g, '');
}

/** RFC 8410: PKCS#8 of 32 bytes. */
function privateKeyOf(byte: string): KeyObject {
  const der = Buffer.from(`302e020100300506032b656e04220420${byte.repeat(32)}`, 'hex');
  return createPrivateKey({ key: der, format: 'der', type: 'pkcs8' });
}

test('ready.md shows lines that are read, and written again byte for byte', () => {
  for (const [name, kind] of Object.entries({ state: 'state', final: 'final', words: 'words', sealed: 'words' })) {
    const text = textOf(ready, name);
    equal(parseReadyLine(Buffer.from(text)).kind, kind);
    equal(formatReadyLine(JSON.parse(text) as ReadyMessage), `${text}\n`);
  }
});

test('ready.md lists every phase and every reason, and no other', () => {
  const [, table = ''] = /^\| code \| why \|\n\|---\|---\|\n((?:\|.*\n)+)/m.exec(ready) ?? [];
  const codes = [...table.matchAll(/^\| `([a-z0-9-]+)` \| [^|]+ \|$/gm)].map(([, code]) => code);
  deepEqual(codes, [...REASON_CODES]);
  for (const phase of PHASES) ok(ready.includes(`\`${phase}\``), phase);
});

test('ready.md shows the box that is sealed, and it opens', () => {
  const [own, operator] = [privateKeyOf('11'), privateKeyOf('22')];
  const words = { bootId: '000102030405060708090a0b0c0d0e0f', service: 'app', lines: ['starting', 'no database'] };
  const pair = { privateKey: own, publicKey: createPublicKey(own as unknown as string) };
  const box = hexOf(ready, 'box');
  equal(Buffer.from(sealLastWords(words, createPublicKey(operator as unknown as string), pair)).toString('hex'), box);
  deepEqual(openLastWords(Buffer.from(box, 'hex'), operator), words);
});

test('health.md shows the question byte for byte, and the status of every phase', () => {
  equal(Buffer.from(encodeFrame(Buffer.from('{"action":"health"}'))).toString('hex'), hexOf(health, 'question'));
  equal(JSON.parse(textOf(health, 'answer')).status, statusOfPhase('services'));
  for (const phase of PHASES) {
    const row = new RegExp(`^\\| [^|]*\`${phase}\`[^|]* \\| \`([a-z]+)\` \\|$`, 'm').exec(health);
    equal(row?.[1], statusOfPhase(phase), phase);
  }
});

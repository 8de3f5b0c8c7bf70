// A statement is believed only when the given key signed exactly it, as what it is, about exactly this file.
import assert from 'node:assert/strict';
import { generateKeyPairSync, type KeyPairKeyObjectResult } from 'node:crypto';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, before, test } from 'node:test';
import fc from 'fast-check';
import {
  digestFile,
  encodePreAuth,
  openEnvelope,
  signEnvelope,
  signStatement,
  verifyStatement,
  verifySubject,
} from './index.ts';

let folder: string;
before(() => {
  folder = mkdtempSync(join(tmpdir(), 'caisson-statement-'));
});
after(() => rmSync(folder, { recursive: true }));

type Pair = { readonly secret: Buffer; readonly open: Buffer };
const pem = (pair: KeyPairKeyObjectResult): Pair => ({
  secret: Buffer.from(pair.privateKey.export({ type: 'pkcs8', format: 'pem' })),
  open: Buffer.from(pair.publicKey.export({ type: 'spki', format: 'pem' })),
});
const ed25519 = pem(generateKeyPairSync('ed25519'));
const pairs: Readonly<Record<string, Pair>> = {
  ed25519,
  'P-256': pem(generateKeyPairSync('ec', { namedCurve: 'P-256' })),
  'P-384': pem(generateKeyPairSync('ec', { namedCurve: 'P-384' })),
  'P-521': pem(generateKeyPairSync('ec', { namedCurve: 'P-521' })),
};
const digest = { sha256: 'ab'.repeat(32), sha384: 'cd'.repeat(48) };
const statement = { subject: { name: 'app.eif', digest }, predicate: { v: 1, size: 3 } };

test('encodes what is signed as the protocol page has it', () => {
  // protocol.md of DSSE, "Test vectors".
  assert.equal(
    encodePreAuth('http://example.com/HelloWorld', Buffer.from('hello world')).toString(),
    'DSSEv1 29 http://example.com/HelloWorld 11 hello world',
  );
});

test('is believed under the key that signed it, for Ed25519 and the three curves', () => {
  for (const [name, { secret, open }] of Object.entries(pairs)) {
    assert.deepEqual(verifyStatement(signStatement(statement, secret), open), statement, name);
  }
});

test('is not believed under another key, whatever key id it names', () => {
  const text = signStatement(statement, ed25519.secret);
  for (const name of ['P-256', 'P-384']) {
    assert.throws(() => verifyStatement(text, pairs[name]!.open), { code: 'STATEMENT_SIGNATURE' });
  }
  const other = pem(generateKeyPairSync('ed25519'));
  assert.throws(() => verifyStatement(text, other.open), { code: 'STATEMENT_SIGNATURE' });
});

test('is not believed after any change of its payload, its type or its signature', () => {
  const envelope = JSON.parse(signStatement(statement, ed25519.secret)) as {
    payload: string;
    payloadType: string;
    signatures: { sig: string }[];
  };
  fc.assert(
    fc.property(fc.nat(), fc.integer({ min: 1, max: 255 }), fc.boolean(), (at, flip, ofPayload) => {
      const bytes = Buffer.from(ofPayload ? envelope.payload : envelope.signatures[0]!.sig, 'base64');
      bytes[at % bytes.length]! ^= flip;
      const text = bytes.toString('base64');
      const changed = ofPayload ? { ...envelope, payload: text } : { ...envelope, signatures: [{ sig: text }] };
      assert.throws(() => verifyStatement(JSON.stringify(changed), ed25519.open), { code: 'STATEMENT_SIGNATURE' });
    }),
    { numRuns: 200 },
  );
  const retyped = signEnvelope(Buffer.from('{}'), 'text/plain', ed25519.secret);
  assert.throws(() => verifyStatement(retyped, ed25519.open), { code: 'STATEMENT_FORM' });
  const renamed = JSON.stringify({ ...(JSON.parse(retyped) as object), payloadType: 'application/vnd.in-toto+json' });
  assert.throws(() => verifyStatement(renamed, ed25519.open), { code: 'STATEMENT_SIGNATURE' });
});

test('refuses every form that is none, before and after the signature', () => {
  for (const text of [
    '',
    'null',
    '[]',
    '{}',
    '{"payload":"","payloadType":"x","signatures":[]}',
    '{"payload":1}',
    '{"payload":"","payloadType":"x","signatures":[null]}',
  ]) {
    assert.throws(() => openEnvelope(text, 'x', ed25519.open), { code: 'STATEMENT_FORM' }, text);
  }
  const type = 'application/vnd.in-toto+json';
  for (const payload of [
    '',
    'null',
    '{}',
    '{"_type":"https://in-toto.io/Statement/v1","predicateType":"urn:other","subject":[]}',
  ]) {
    const text = signEnvelope(Buffer.from(payload), type, ed25519.secret);
    assert.throws(() => verifyStatement(text, ed25519.open), { code: 'STATEMENT_FORM' }, payload);
  }
  const rsa = pem(generateKeyPairSync('rsa', { modulusLength: 2048 }));
  assert.throws(() => signStatement(statement, rsa.secret), { code: 'STATEMENT_KEY' });
  assert.throws(() => signStatement(statement, Buffer.from('no key')), { code: 'STATEMENT_KEY' });
  assert.throws(() => verifyStatement('{}', Buffer.from('no key')), { code: 'STATEMENT_KEY' });
});

test('is about one file, by both its digests', async () => {
  const path = join(folder, 'app.eif');
  writeFileSync(path, 'abc');
  const real = { ...statement, subject: { name: 'app.eif', digest: await digestFile(path) } };
  await verifySubject(real, path);
  writeFileSync(path, 'abd');
  await assert.rejects(verifySubject(real, path), { code: 'STATEMENT_SUBJECT' });
  const mixed = {
    ...real,
    subject: { ...real.subject, digest: { ...(await digestFile(path)), sha256: digest.sha256 } },
  };
  await assert.rejects(verifySubject(mixed, path), { code: 'STATEMENT_SUBJECT' });
});

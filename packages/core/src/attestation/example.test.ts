// The example of docs/wire/attestation-document.md is what the document says it is.
import assert from 'node:assert/strict';
import { createHash, verify, X509Certificate } from 'node:crypto';
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { test } from 'node:test';
import { parseHex, toHex } from '../bytes/index.ts';
import { encodeCoseSign1, encodeSigStructure } from '../cose/index.ts';
import { encodeAttestationPayload, parseAttestationCertificate, parseAttestationDocument } from './index.ts';

const text = readFileSync(join(import.meta.dirname, '../../../../docs/wire/attestation-document.md'), 'utf8');
const bytes = parseHex((/```hex\n([0-9a-f\n]+)```/.exec(text)?.[1] ?? '').replaceAll('\n', ''));
const value = (name: string): string | undefined =>
  new RegExp(`^\\| ${name} \\| \`([^\`]+)\` \\|$`, 'm').exec(text)?.[1];

test('the example holds what its table says', () => {
  const { payload } = parseAttestationDocument(bytes);
  assert.equal(payload.moduleId, value('module_id'));
  assert.equal(String(payload.timestamp), value('timestamp'));
  assert.equal(toHex(payload.pcrs.get(0)!), value('PCR0'));
  assert.equal(toHex(payload.pcrs.get(4)!), value('PCR4'));
  assert.equal(payload.publicKey, undefined);
  assert.equal(toHex(payload.userData!), value('user_data'));
  assert.equal(toHex(payload.nonce!), value('nonce'));
  assert.equal(createHash('sha256').update(payload.cabundle[0]!).digest('hex'), value('root SHA-256'));
});

test('encoding its parts again gives the same bytes', () => {
  const { cose, payload } = parseAttestationDocument(bytes);
  assert.deepEqual(encodeAttestationPayload(payload, { indefiniteMap: true }), cose.payload);
  assert.deepEqual(encodeCoseSign1(cose), bytes);
});

test('its chain and signature hold for an independent implementation', () => {
  const { cose, payload } = parseAttestationDocument(bytes);
  const chain = [...payload.cabundle, payload.certificate];
  for (const [index, der] of chain.entries()) {
    parseAttestationCertificate(der);
    const certificate = new X509Certificate(der);
    const issuer = new X509Certificate(chain[Math.max(0, index - 1)]!);
    assert.ok(certificate.checkIssued(issuer) && certificate.verify(issuer.publicKey), `level ${index}`);
    assert.ok(
      Date.parse(certificate.validFrom) <= payload.timestamp && payload.timestamp <= Date.parse(certificate.validTo),
    );
  }
  const key = { key: new X509Certificate(payload.certificate).publicKey, dsaEncoding: 'ieee-p1363' as const };
  assert.ok(verify('sha384', encodeSigStructure(cose), key, cose.signature));
});

// Documents of others: real ones of AWS hardware must parse, and what the vectors call malformed must be refused for that
// reason. Only the parsers stand here, so what needs a chain, a clock or a signature may pass.
import assert from 'node:assert/strict';
import { existsSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { test } from 'node:test';
import { CaissonError } from '../errors/index.ts';
import { nameText, parseEcdsaSignature } from '../x509/index.ts';
import { parseAttestationCertificate, parseAttestationDocument, type UnverifiedDocument } from './index.ts';

const folder = join(import.meta.dirname, '../../../../../shared/vectors/attestation');
const skip = existsSync(folder) ? false : `no vectors at ${folder}`;

interface Entry {
  readonly id: string;
  readonly kind: 'real' | 'mutant' | 'synthetic';
  readonly file: string;
  readonly expect: { readonly ok?: boolean; readonly cls?: string; readonly also?: readonly string[] };
  readonly facts?: { readonly module_id: string; readonly timestamp: number; readonly pcr_count: number };
}
const entries = (): Entry[] => JSON.parse(readFileSync(join(folder, 'manifest.json'), 'utf8')).entries;
const read = (entry: Entry): Uint8Array => readFileSync(join(folder, entry.file));

function parseAll(bytes: Uint8Array): UnverifiedDocument {
  const document = parseAttestationDocument(bytes);
  for (const der of [...document.payload.cabundle, document.payload.certificate]) {
    const certificate = parseAttestationCertificate(der);
    parseEcdsaSignature(certificate.signature, 48);
    nameText(certificate.subject);
  }
  return document;
}

const classes: Readonly<Record<string, string>> = {
  CBOR: 'CBOR',
  COSE: 'COSE',
  ATTESTATION: 'DOC',
  DER: 'CERT',
  X509: 'CERT',
  BYTES: 'CERT',
};

// The class of the vectors that an error of ours stands for.
function classOf(error: unknown): string {
  assert.ok(error instanceof CaissonError, String(error));
  if (error.code === 'ATTESTATION_CERTIFICATE') return 'CERT';
  const room = error.code.split('_')[0] ?? '';
  return classes[room] ?? error.code;
}

test('parses every document the vectors call good, as what it is', { skip }, () => {
  const good = entries().filter(({ expect }) => expect.ok);
  assert.ok(good.length >= 31, `only ${good.length} good documents`);
  for (const entry of good) {
    const { payload } = parseAll(read(entry));
    if (entry.facts === undefined) continue;
    assert.equal(payload.moduleId, entry.facts.module_id, entry.id);
    assert.equal(payload.timestamp, entry.facts.timestamp, entry.id);
    assert.equal(payload.pcrs.size, entry.facts.pcr_count, entry.id);
    assert.deepEqual(payload.unknownFields, [], entry.id);
  }
});

test('refuses for the reason the vectors name, and never for another', { skip }, () => {
  const parserClasses = ['CBOR', 'COSE', 'DOC', 'CERT'];
  let refused = 0;
  for (const entry of entries().filter(({ expect }) => !expect.ok)) {
    const allowed = [entry.expect.cls ?? '', ...(entry.expect.also ?? [])];
    const mustRefuse = allowed.every((one) => parserClasses.includes(one));
    let got = 'accepted';
    try {
      parseAll(read(entry));
    } catch (error) {
      got = classOf(error);
      refused += 1;
    }
    if (got === 'accepted') assert.ok(!mustRefuse, `${entry.id} must be refused as ${allowed}`);
    else assert.ok(allowed.includes(got), `${entry.id} must be refused as ${allowed}, got ${got}`);
  }
  assert.ok(refused >= 70, `only ${refused} refused`);
});

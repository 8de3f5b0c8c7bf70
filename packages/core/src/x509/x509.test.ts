// Certificates: what we issue, we and openssl read the same; what is ambiguous is refused.
import assert from 'node:assert/strict';
import { execFileSync } from 'node:child_process';
import { X509Certificate } from 'node:crypto';
import { before, test } from 'node:test';
import fc from 'fast-check';
import { concatBytes, parseHex, toHex } from '../bytes/index.ts';
import {
  derBitString,
  derBoolean,
  derElement,
  derExplicit,
  derOctets,
  derOid,
  derSequence,
  derTime,
  derUnsigned,
} from '../der/index.ts';
import { CaissonError, LimitError, ParseError } from '../errors/index.ts';
import {
  commonNameOf,
  encodeAuthorityKeyIdentifier,
  encodeBasicConstraints,
  encodeEcdsaSignature,
  encodeKeyUsage,
  encodeName,
  encodeSubjectKeyIdentifier,
  issueCertificate,
  KEY_USAGE,
  nameText,
  OID,
  parseCertificate,
  parseEcdsaSignature,
  parsePem,
  parsePublicKey,
  toPem,
} from './index.ts';

const runs = (fast: number): number => (process.env['CAISSON_LANE'] === 'deep' ? fast * 50 : fast);

const notBefore = Date.parse('2026-01-01T00:00:00Z') / 1000;
const notAfter = Date.parse('2056-01-01T00:00:00Z') / 1000;
const name = encodeName([
  { oid: OID.country, value: 'US' },
  { oid: OID.commonName, value: 'tést, one' },
]);
let keys: CryptoKeyPair;
let spki: Uint8Array;
let der: Uint8Array;

before(async () => {
  keys = await crypto.subtle.generateKey({ name: 'ECDSA', namedCurve: 'P-384' }, true, ['sign', 'verify']);
  spki = new Uint8Array(await crypto.subtle.exportKey('spki', keys.publicKey));
  der = await issueCertificate(
    {
      serial: parseHex('80ff'),
      issuer: name,
      subject: name,
      notBefore,
      notAfter,
      publicKey: spki,
      extensions: [
        encodeBasicConstraints(true, 2),
        encodeSubjectKeyIdentifier(parseHex('0102')),
        encodeAuthorityKeyIdentifier(parseHex('0102')),
        encodeKeyUsage([KEY_USAGE.digitalSignature, KEY_USAGE.keyCertSign, KEY_USAGE.cRLSign], true),
      ],
    },
    keys.privateKey,
  );
});

test('reads back every field of a certificate it issued', () => {
  const certificate = parseCertificate(der);
  assert.equal(toHex(certificate.serial), '80ff');
  assert.deepEqual(certificate.issuer, name);
  assert.deepEqual(certificate.subject, name);
  assert.equal(commonNameOf(certificate.subject), 'tést, one');
  assert.equal(nameText(certificate.subject), 'C=US, CN=tést\\2c one');
  assert.deepEqual([certificate.notBefore, certificate.notAfter], [notBefore, notAfter]);
  assert.deepEqual(certificate.publicKey.spki, spki);
  assert.equal(certificate.publicKey.algorithm, OID.ecPublicKey);
  assert.equal(certificate.publicKey.curve, OID.secp384r1);
  assert.equal(certificate.signatureAlgorithm, OID.ecdsaWithSha384);
  assert.equal(certificate.hasSignatureParameters, false);
  assert.deepEqual(certificate.basicConstraints, { isCritical: true, isCa: true, pathLength: 2 });
  assert.deepEqual(certificate.keyUsage, { isCritical: true, bits: [0, 5, 6] });
  assert.deepEqual(
    certificate.extensions.map(({ oid }) => oid),
    [OID.basicConstraints, OID.subjectKeyIdentifier, OID.authorityKeyIdentifier, OID.keyUsage],
  );
});

test('keeps the signed bytes so that the signature over them verifies', async () => {
  const certificate = parseCertificate(der);
  const raw = parseEcdsaSignature(certificate.signature, 48);
  const tbs = Uint8Array.from(certificate.tbs);
  assert.ok(await crypto.subtle.verify({ name: 'ECDSA', hash: 'SHA-384' }, keys.publicKey, raw, tbs));
});

test('an independent reader agrees on names, serial, dates, extensions and signature', (context) => {
  const other = new X509Certificate(der);
  assert.equal(other.serialNumber, '80FF');
  assert.equal(Date.parse(other.validFrom) / 1000, notBefore);
  assert.equal(Date.parse(other.validTo) / 1000, notAfter);
  assert.equal(other.ca, true);
  assert.ok(other.verify(other.publicKey));
  let text: string;
  try {
    text = execFileSync('openssl', ['x509', '-inform', 'der', '-noout', '-text'], {
      input: der,
      encoding: 'utf8',
      timeout: 300_000,
    });
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ENOENT') return context.skip('no openssl binary on this machine');
    throw error;
  }
  assert.match(text, /Version: 3/);
  assert.match(text, /Basic Constraints: critical\s+CA:TRUE, pathlen:2/);
  assert.match(text, /Key Usage: critical\s+Digital Signature, Certificate Sign, CRL Sign/);
  assert.match(text, /Signature Algorithm: ecdsa-with-SHA384/);
});

// One certificate from its parts, so that each test can bend one of them. The signature is of the right form, not true.
interface Parts {
  version?: Uint8Array;
  serial?: Uint8Array;
  inner?: Uint8Array;
  outer?: Uint8Array;
  extensions?: Uint8Array;
  signature?: Uint8Array;
}
const algorithm = derSequence(derOid(OID.ecdsaWithSha384));
const none = new Uint8Array(0);
function assembled(parts: Parts): Uint8Array {
  const list = [encodeBasicConstraints(false)];
  const tbs = derSequence(
    parts.version ?? derExplicit(0, derUnsigned(2)),
    parts.serial ?? derUnsigned(1),
    parts.inner ?? algorithm,
    name,
    derSequence(derTime(notBefore), derTime(notAfter)),
    name,
    spki,
    parts.extensions ?? derExplicit(3, derSequence(...list)),
  );
  const value = derBitString(encodeEcdsaSignature(new Uint8Array(96).fill(1)));
  return derSequence(tbs, parts.outer ?? algorithm, parts.signature ?? value);
}
const refuses = (code: string, parts: Parts): void => {
  assert.throws(
    () => parseCertificate(assembled(parts)),
    (error) => error instanceof ParseError && error.code === code,
    `${JSON.stringify(Object.keys(parts))} must be refused as ${code}`,
  );
};

test('the certificate that the next tests bend is accepted as it is', () => {
  assert.deepEqual(parseCertificate(assembled({})).basicConstraints, {
    isCritical: true,
    isCa: false,
    pathLength: undefined,
  });
});

test('refuses versions 1 and 2', () => {
  refuses('X509_VERSION', { version: none });
  refuses('X509_VERSION', { version: derExplicit(0, derUnsigned(1)) });
});

test('refuses two signature algorithms that differ', () => {
  refuses('X509_ALGORITHM', { outer: derSequence(derOid('1.2.840.10045.4.3.2')) });
  refuses('X509_ALGORITHM', { outer: derSequence(derOid(OID.ecdsaWithSha384), derElement(0x05)) });
});

test('refuses an extension that stands twice, is critical FALSE in words, or is malformed', () => {
  const wrapped = (...list: Uint8Array[]): Parts => ({ extensions: derExplicit(3, derSequence(...list)) });
  const entry = (oid: string, value: Uint8Array, ...flag: Uint8Array[]): Uint8Array =>
    derSequence(derOid(oid), ...flag, derOctets(value));
  refuses('X509_EXTENSION', wrapped(encodeBasicConstraints(true), encodeBasicConstraints(false)));
  refuses('X509_EXTENSION', wrapped(entry('1.2.3', none, derBoolean(false))));
  refuses('X509_EXTENSION', wrapped(entry(OID.basicConstraints, derSequence(derUnsigned(0)))));
  refuses('X509_EXTENSION', wrapped(entry(OID.keyUsage, derBitString(Uint8Array.of(0)))));
  refuses('X509_EXTENSION', wrapped(entry(OID.keyUsage, derBitString(Uint8Array.of(0x80, 0x80, 0)))));
  refuses('DER_TRAILING', wrapped(entry(OID.basicConstraints, concatBytes(derSequence(), Uint8Array.of(0)))));
  refuses('DER_TRUNCATED', wrapped());
});

test('refuses unique identifiers of issuer and subject by name', () => {
  for (const tag of [0x81, 0x82]) {
    assert.throws(() => parseCertificate(assembled({ extensions: derElement(tag, Uint8Array.of(0)) })), {
      code: 'X509_EXTENSION',
      message: 'certificate must have no unique identifiers, got one',
    });
  }
});

test('refuses what follows the signature, the version or the fields, inside of their own frames too', () => {
  const more = derUnsigned(2);
  refuses('DER_TRAILING', { version: derExplicit(0, derUnsigned(2), more) });
  const value = derBitString(encodeEcdsaSignature(new Uint8Array(96).fill(1)));
  refuses('DER_TRAILING', { signature: concatBytes(value, more) });
  refuses('DER_TRAILING', {
    extensions: concatBytes(derExplicit(3, derSequence(encodeBasicConstraints(false))), more),
  });
});

test('refuses a serial number above 20 bytes, a trailing byte and a certificate above the limit', () => {
  refuses('DER_VALUE', { serial: derUnsigned(new Uint8Array(21).fill(1)) });
  assert.throws(() => parseCertificate(concatBytes(der, Uint8Array.of(0))), { code: 'DER_TRAILING' });
  assert.throws(() => parseCertificate(der, der.length - 1), LimitError);
});

test('bounds are inclusive: a serial of 20 bytes, the limit itself, nine key usage bits, a path length of 255', () => {
  assert.equal(parseCertificate(assembled({ serial: derUnsigned(new Uint8Array(20).fill(1)) })).serial.length, 20);
  assert.equal(parseCertificate(der, der.length).der.length, der.length);
  const wrapped = (...list: Uint8Array[]): Uint8Array =>
    assembled({ extensions: derExplicit(3, derSequence(...list)) });
  const usage = (bytes: Uint8Array, unused: number): Uint8Array =>
    wrapped(derSequence(derOid(OID.keyUsage), derOctets(derBitString(bytes, unused))));
  assert.deepEqual(parseCertificate(usage(Uint8Array.of(0x81, 0x80), 7)).keyUsage, {
    isCritical: false,
    bits: [0, 7, 8],
  });
  assert.throws(() => parseCertificate(usage(Uint8Array.of(0x80, 0x40), 6)), {
    message: 'keyUsage must have at most 9 bits, got 10',
  });
  assert.equal(parseCertificate(wrapped(encodeBasicConstraints(true, 255))).basicConstraints?.pathLength, 255);
  assert.throws(() => parseCertificate(wrapped(encodeBasicConstraints(true, 256))), { code: 'DER_VALUE' });
});

test('key usage bits have the numbers of RFC 5280 4.2.1.3', () => {
  assert.deepEqual(KEY_USAGE, { digitalSignature: 0, nonRepudiation: 1, keyCertSign: 5, cRLSign: 6 });
});

test('signatures and keys are whole octets', () => {
  assert.throws(() => parseCertificate(assembled({ signature: derBitString(Uint8Array.of(0x30, 0x00), 1) })), {
    message: 'certificate signatureValue must be whole octets, got 1 unused bits',
  });
  const key = derSequence(derSequence(derOid(OID.ecPublicKey)), derBitString(Uint8Array.of(0x80), 7));
  assert.throws(() => parsePublicKey(key), { message: 'public key must be whole octets, got 7 unused bits' });
});

test('raw signatures to encode have two halves', () => {
  for (const length of [0, 1, 95]) {
    assert.throws(() => encodeEcdsaSignature(new Uint8Array(length)), {
      name: 'TypeError',
      message: `raw ECDSA signature must have an even length, got ${length}`,
    });
  }
});

test('turns raw signatures into DER and back, and refuses zero, negative and oversized halves', () => {
  fc.assert(
    fc.property(fc.uint8Array({ minLength: 96, maxLength: 96 }), (raw) => {
      fc.pre(raw.subarray(0, 48).some((octet) => octet !== 0) && raw.subarray(48).some((octet) => octet !== 0));
      assert.deepEqual(parseEcdsaSignature(encodeEcdsaSignature(raw), 48), Uint8Array.from(raw));
    }),
    { seed: 1, numRuns: runs(200) },
  );
  const one = derUnsigned(1);
  assert.throws(() => parseEcdsaSignature(derSequence(derUnsigned(0), one), 48), { code: 'X509_SIGNATURE_VALUE' });
  assert.throws(() => parseEcdsaSignature(derSequence(one, derUnsigned(0)), 48), { code: 'X509_SIGNATURE_VALUE' });
  assert.throws(() => parseEcdsaSignature(derSequence(derElement(2, Uint8Array.of(0x81)), one), 48), {
    code: 'DER_VALUE',
  });
  assert.throws(() => parseEcdsaSignature(derSequence(derUnsigned(new Uint8Array(49).fill(1)), one), 48), {
    code: 'DER_VALUE',
  });
  assert.throws(() => parseEcdsaSignature(derSequence(one, one, one), 48), { code: 'DER_TRAILING' });
});

test('PEM text is one block of the wanted label and nothing else', () => {
  const pem = toPem('CERTIFICATE', der);
  assert.deepEqual(parsePem('CERTIFICATE', pem), Uint8Array.from(der));
  assert.deepEqual(parsePem('CERTIFICATE', pem.replaceAll('\n', '\r\n')), Uint8Array.from(der));
  for (const wrong of [
    '',
    `${pem}${pem}`,
    `x${pem}`,
    pem.replace('END CERT', 'END CRT'),
    toPem('PRIVATE KEY', der),
    pem.replace('MII', 'M*I'),
  ]) {
    assert.throws(() => parsePem('CERTIFICATE', wrong), { code: 'X509_PEM' });
  }
});

test('fuzz: one changed, added or missing byte gives another certificate or an error of the house, never a crash', () => {
  fc.assert(
    fc.property(fc.nat(der.length - 1), fc.nat(255), fc.constantFrom('change', 'cut', 'insert'), (at, octet, how) => {
      const head = der.subarray(0, at);
      const tail = der.subarray(how === 'insert' ? at : at + 1);
      const mutant = how === 'cut' ? head : concatBytes(head, Uint8Array.of(octet), tail);
      try {
        const certificate = parseCertificate(mutant);
        assert.equal(certificate.der.length, mutant.length);
        assert.equal(how, 'change');
      } catch (error) {
        assert.ok(error instanceof CaissonError, String(error));
      }
    }),
    { seed: 1, numRuns: runs(3_000) },
  );
});

test('issues a certificate under an Ed25519 key that another implementation reads and holds', async () => {
  const pair = (await crypto.subtle.generateKey('Ed25519', true, ['sign', 'verify'])) as CryptoKeyPair;
  const name = encodeName([{ oid: OID.commonName, value: 'caisson' }]);
  const publicKey = new Uint8Array(await crypto.subtle.exportKey('spki', pair.publicKey));
  const issued = await issueCertificate(
    {
      serial: Uint8Array.of(5),
      issuer: name,
      subject: name,
      publicKey,
      extensions: [],
      notBefore: 0,
      notAfter: Date.UTC(9999, 11, 31, 23, 59, 59) / 1_000,
    },
    pair.privateKey,
  );
  const read = new X509Certificate(issued);
  assert.equal(read.publicKey.asymmetricKeyType, 'ed25519');
  assert.equal(read.verify(read.publicKey), true);
  assert.equal(read.validTo, 'Dec 31 23:59:59 9999 GMT');
  const bent = Uint8Array.from(issued);
  bent[bent.length - 1] = bent.at(-1)! ^ 1;
  assert.equal(new X509Certificate(bent).verify(read.publicKey), false);
});

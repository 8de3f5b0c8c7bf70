// The one kind of certificate in a document: each thing that would be weaker or unknown is refused by itself.
import assert from 'node:assert/strict';
import { before, test } from 'node:test';
import { concatBytes } from '../bytes/index.ts';
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
import { encodeBasicConstraints, encodeEcdsaSignature, encodeName, OID } from '../x509/index.ts';
import { parseAttestationCertificate } from './index.ts';

const name = encodeName([{ oid: OID.commonName, value: 'n' }]);
const sha384 = derSequence(derOid(OID.ecdsaWithSha384));
const p384 = derSequence(derOid(OID.ecPublicKey), derOid(OID.secp384r1));
let point: Uint8Array;
before(async () => {
  const { publicKey } = await crypto.subtle.generateKey({ name: 'ECDSA', namedCurve: 'P-384' }, true, [
    'sign',
    'verify',
  ]);
  point = new Uint8Array(await crypto.subtle.exportKey('raw', publicKey));
});

interface Bend {
  readonly signature?: Uint8Array;
  readonly key?: Uint8Array;
  readonly point?: (good: Uint8Array) => Uint8Array;
  readonly extensions?: readonly Uint8Array[];
}
// Form only: nothing here looks at the signature's truth.
function certificate({
  signature = sha384,
  key = p384,
  point: bend = (good) => good,
  extensions = [],
}: Bend): Uint8Array {
  const tbs = derSequence(
    derExplicit(0, derUnsigned(2)),
    derUnsigned(1),
    signature,
    name,
    derSequence(derTime(1_780_000_000), derTime(1_790_000_000)),
    name,
    derSequence(key, derBitString(bend(point))),
    derExplicit(3, derSequence(encodeBasicConstraints(false), ...extensions)),
  );
  return derSequence(tbs, signature, derBitString(encodeEcdsaSignature(new Uint8Array(96).fill(1))));
}
const extension = (oid: string, ...critical: Uint8Array[]): Uint8Array =>
  derSequence(derOid(oid), ...critical, derOctets(derSequence()));
const refuses = (bend: Bend, message: RegExp): void => {
  assert.throws(() => parseAttestationCertificate(certificate(bend)), { code: 'ATTESTATION_CERTIFICATE', message });
};

test('accepts P-384, ecdsa-with-SHA384 and an unknown extension that is not critical', () => {
  const { publicKey, extensions } = parseAttestationCertificate(certificate({ extensions: [extension('1.2.3')] }));
  assert.deepEqual(publicKey.bytes, point);
  assert.equal(extensions.length, 2);
});

test('refuses another curve, another kind of key and a key without a named curve', () => {
  refuses(
    { key: derSequence(derOid(OID.ecPublicKey), derOid('1.2.840.10045.3.1.7')) },
    /P-384, got .* 1\.2\.840\.10045\.3\.1\.7$/,
  );
  refuses(
    { key: derSequence(derOid('1.2.840.113549.1.1.1'), derElement(0x05)) },
    /P-384, got 1\.2\.840\.113549\.1\.1\.1/,
  );
  refuses({ key: derSequence(derOid(OID.ecPublicKey), derSequence(derUnsigned(1))) }, /without a named curve/);
});

test('refuses a compressed, hybrid, short or long point', () => {
  refuses(
    { point: (good) => concatBytes(Uint8Array.of(2), good.subarray(1, 49)) },
    /uncompressed point of 97 bytes, got 49/,
  );
  refuses({ point: (good) => concatBytes(Uint8Array.of(6), good.subarray(1)) }, /uncompressed point/);
  refuses({ point: (good) => good.subarray(0, 96) }, /got 96/);
  refuses({ point: (good) => concatBytes(good, Uint8Array.of(0)) }, /got 98/);
});

test('refuses another signature algorithm, and parameters where there are none', () => {
  refuses(
    { signature: derSequence(derOid('1.2.840.10045.4.3.2')) },
    /ecdsa-with-SHA384 .* got 1\.2\.840\.10045\.4\.3\.2/,
  );
  refuses({ signature: derSequence(derOid(OID.ecdsaWithSha384), derElement(0x05)) }, /without parameters/);
});

test('refuses a critical extension besides basicConstraints and keyUsage', () => {
  refuses({ extensions: [extension('2.5.29.30', derBoolean(true))] }, /no other critical extension, got 2\.5\.29\.30/);
});

test('refuses more than 1,024 bytes', () => {
  const wide = derSequence(derOid('1.2.3'), derOctets(new Uint8Array(800)));
  assert.throws(() => parseAttestationCertificate(certificate({ extensions: [wide] })), { code: 'X509_SIZE' });
});

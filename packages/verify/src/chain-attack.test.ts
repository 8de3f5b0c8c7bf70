// T-V3: attacks on the chain by name, each with one thing wrong and everything else sound, and the reason it must be refused for. Among
// them are the findings of public audits of other verifiers: a path length that wraps, a boolean that is not FF, a date that
// rolls over, a length that is not consumed, debug PCRs that pass for real ones.
import assert from 'node:assert/strict';
import { before, test } from 'node:test';
import { concatBytes, parseHex } from '@caisson/core/bytes';
import {
  DER_TAG,
  derBitString,
  derBoolean,
  derElement,
  derExplicit,
  derOctets,
  derOid,
  derSequence,
  derSet,
  derTime,
  derUnsigned,
} from '@caisson/core/der';
import { encodeBasicConstraints, encodeEcdsaSignature, encodeKeyUsage, KEY_USAGE, OID } from '@caisson/core/x509';
import {
  authorityUsage,
  type CertificateBend,
  type ForgeChainOptions,
  type ForgedChain,
  forgeChain,
  forgeDocument,
  forgeKey,
  leafUsage,
  nameOf,
  pointOf,
} from '@caisson/testkit/authority';
import { VerificationError, verifyDocument } from './index.ts';

const at = 1_780_000_000;
const sound = { timestamp: at * 1000 };
const anchor = (chain: ForgedChain) => ({ roots: [chain.rootPem], at });

async function verdict(document: Uint8Array, options: Parameters<typeof verifyDocument>[1]): Promise<string> {
  try {
    await verifyDocument(document, options);
    return 'held';
  } catch (error) {
    assert.ok(error instanceof VerificationError, String(error));
    return `${error.class} ${error.code}`;
  }
}

async function ofChain(options: Omit<ForgeChainOptions, 'at'>): Promise<string> {
  const chain = await forgeChain({ at, ...options });
  return verdict(await forgeDocument(chain, sound), anchor(chain));
}
const bent = (level: number, bend: CertificateBend): Promise<string> => ofChain({ bends: { [level]: bend } });
const leaf = 4;

const { digitalSignature, nonRepudiation, keyCertSign } = KEY_USAGE;
const extension = (oid: string, value: Uint8Array, isCritical = false): Uint8Array =>
  derSequence(derOid(oid), ...(isCritical ? [derBoolean(true)] : []), derOctets(value));
const constraints = (value: Uint8Array): Uint8Array => extension(OID.basicConstraints, value, true);
const authority = encodeBasicConstraints(true);
const algorithm = (oid: string, ...parameters: Uint8Array[]): Uint8Array => derSequence(derOid(oid), ...parameters);
const ascii = (text: string): Uint8Array => new TextEncoder().encode(text);
const utc = (text: string): Uint8Array => derElement(DER_TAG.utcTime, ascii(text));
const generalized = (text: string): Uint8Array => derElement(DER_TAG.generalizedTime, ascii(text));
const validUntil = (end: Uint8Array): CertificateBend => ({ validity: derSequence(derTime(at - 10), end) });
// A SubjectPublicKeyInfo of P-384 with this point.
const p384Key = (point: Uint8Array): Uint8Array =>
  derSequence(derSequence(derOid(OID.ecPublicKey), derOid(OID.secp384r1)), derBitString(point));

let other: ForgedChain;
let plain: ForgedChain;
let stray: Awaited<ReturnType<typeof forgeKey>>;
before(async () => {
  [other, plain, stray] = await Promise.all([forgeChain({ at }), forgeChain({ at }), forgeKey()]);
});

// The bundle of a good chain in another order or company; signed by the good leaf, under the good root.
async function bundled(change: (path: readonly Uint8Array[]) => readonly Uint8Array[]): Promise<string> {
  const document = await forgeDocument({ ...plain, cabundle: change(plain.cabundle) }, sound);
  return verdict(document, anchor(plain));
}

type Case = readonly [name: string, expected: string, run: () => Promise<string>];

const onEach = (
  levels: readonly number[],
  name: string,
  expected: string,
  bend: (level: number) => CertificateBend,
): Case[] => levels.map((level) => [`${name} at level ${level}`, expected, () => bent(level, bend(level))]);

const who: Case[] = [
  ...onEach([0, 1, 2, 3], 'an issuer that says it is no CA', 'CHAIN X509_NOT_CA', () => ({
    extensions: [encodeBasicConstraints(false), authorityUsage],
  })),
  ...onEach([0, 1, 2, 3], 'an issuer without basicConstraints', 'CHAIN X509_NOT_CA', () => ({
    extensions: [authorityUsage],
  })),
  ...onEach([0, 1, 2, 3], 'an issuer without keyCertSign', 'CHAIN X509_KEY_USAGE', () => ({
    extensions: [authority, encodeKeyUsage([digitalSignature], true)],
  })),
  ...onEach([0, 1, 2, 3], 'an issuer without keyUsage', 'CHAIN X509_KEY_USAGE', () => ({ extensions: [authority] })),
  ['a leaf that is a CA', 'CHAIN X509_LEAF', () => bent(leaf, { extensions: [authority, leafUsage] })],
  [
    'a leaf without digitalSignature',
    'CHAIN X509_LEAF',
    () => bent(leaf, { extensions: [encodeBasicConstraints(false), encodeKeyUsage([nonRepudiation], false)] }),
  ],
  ['a leaf without keyUsage', 'CHAIN X509_LEAF', () => bent(leaf, { extensions: [encodeBasicConstraints(false)] })],
  [
    'a genuine leaf used as CA for another leaf',
    'CHAIN X509_NOT_CA',
    () => ofChain({ levels: 6, bends: { 4: { extensions: [encodeBasicConstraints(false), leafUsage] } } }),
  ],
  ['a root that allows two levels below it', 'CHAIN X509_PATH_LENGTH', () => ofChain({ pathLengths: { 0: 2 } })],
  ['a region that allows none below it', 'CHAIN X509_PATH_LENGTH', () => ofChain({ pathLengths: { 1: 0 } })],
  ['a region that allows one below it', 'CHAIN X509_PATH_LENGTH', () => ofChain({ pathLengths: { 1: 1 } })],
  ['a zonal that allows none below it', 'CHAIN X509_PATH_LENGTH', () => ofChain({ pathLengths: { 2: 0 } })],
  [
    'one CA more than hardware’s path lengths allow',
    'CHAIN X509_PATH_LENGTH',
    () => ofChain({ levels: 6, pathLengths: { 1: 2 } }),
  ],
  [
    'a path of ten levels without any length constraint',
    'CHAIN X509_PATH_LENGTH',
    () => ofChain({ levels: 10, pathLengths: {} }),
  ],
  ...onEach(
    [1, 2, 3, 4],
    'a certificate that names another issuer, signed by the right key',
    'CHAIN X509_NAME',
    () => ({
      issuer: nameOf('somebody else'),
    }),
  ),
  ...onEach([1, 2, 3, 4], 'a certificate with the right names, signed by another key', 'CHAIN X509_SIGNATURE', () => ({
    signWith: stray.key,
  })),
  ['a self-issued certificate below the root', 'CHAIN X509_NAME', () => bent(2, { subject: nameOf('test level 1') })],
  [
    'a name in another string type',
    'CHAIN X509_NAME',
    () =>
      bent(1, {
        issuer: derSequence(derSet(derSequence(derOid(OID.commonName), derElement(0x13, ascii('test level 0'))))),
      }),
  ],
];

const order: Case[] = [
  ['the bundle reversed', 'ROOT VERIFY_ROOT', () => bundled((path) => [...path].reverse())],
  ['no root in the bundle', 'ROOT VERIFY_ROOT', () => bundled(([, ...rest]) => rest)],
  ['the root last', 'ROOT VERIFY_ROOT', () => bundled(([root, ...rest]) => [...rest, root!])],
  ['an attacker’s root before the real one', 'ROOT VERIFY_ROOT', () => bundled((path) => [other.path[0]!, ...path])],
  ['an attacker’s whole chain with the same names', 'ROOT VERIFY_ROOT', () => bundled(() => other.cabundle)],
  ['an attacker’s root after the real one', 'CHAIN X509_NAME', () => bundled((path) => [path[0]!, other.path[0]!])],
  ['the root twice', 'CHAIN X509_NAME', () => bundled((path) => [path[0]!, ...path])],
  ['the region twice', 'CHAIN X509_PATH_LENGTH', () => bundled(([a, b, ...rest]) => [a!, b!, b!, ...rest])],
  ['the region missing', 'CHAIN X509_NAME', () => bundled(([a, , ...rest]) => [a!, ...rest])],
  ['the zonal missing', 'CHAIN X509_NAME', () => bundled(([a, b, , d]) => [a!, b!, d!])],
  ['the instance missing', 'CHAIN X509_NAME', () => bundled((path) => path.slice(0, 3))],
  ['only the root', 'CHAIN X509_NAME', () => bundled((path) => path.slice(0, 1))],
  ['region and zonal swapped', 'CHAIN X509_NAME', () => bundled(([a, b, c, d]) => [a!, c!, b!, d!])],
  ['zonal and instance swapped', 'CHAIN X509_NAME', () => bundled(([a, b, c, d]) => [a!, b!, d!, c!])],
  [
    'the leaf at the end of the bundle',
    'CHAIN X509_PATH_LENGTH',
    () => bundled((path) => [...path, plain.certificate]),
  ],
  ['an unrelated CA at the end', 'CHAIN X509_PATH_LENGTH', () => bundled((path) => [...path, other.path[2]!])],
  [
    'an instance of another chain with the same names',
    'CHAIN X509_SIGNATURE',
    () => bundled((path) => [...path.slice(0, 3), other.path[3]!]),
  ],
  [
    'a leaf of another chain under this bundle',
    'CHAIN X509_SIGNATURE',
    async () => {
      const mixed = { ...other, cabundle: plain.cabundle };
      return verdict(await forgeDocument(mixed, sound), anchor(plain));
    },
  ],
  [
    'a real chain under AWS’s root instead of its own',
    'ROOT VERIFY_ROOT',
    async () => verdict(await forgeDocument(plain, sound), { at }),
  ],
];

const time: Case[] = [
  ...onEach([0, 1, 2, 3, 4], 'a certificate that ended a second ago', 'TIME X509_VALIDITY', () => ({
    notAfter: at - 1,
  })),
  ...onEach([0, 1, 2, 3, 4], 'a certificate that begins in a second', 'TIME X509_VALIDITY', () => ({
    notBefore: at + 1,
  })),
  [
    'the last second of every certificate',
    'held',
    () => ofChain({ bends: Object.fromEntries([0, 1, 2, 3, 4].map((level) => [level, { notAfter: at }])) }),
  ],
  [
    'the first second of every certificate',
    'held',
    () => ofChain({ bends: Object.fromEntries([0, 1, 2, 3, 4].map((level) => [level, { notBefore: at }])) }),
  ],
  [
    'a timestamp 301 seconds ahead',
    'TIME VERIFY_FUTURE',
    async () => verdict(await forgeDocument(plain, { timestamp: (at + 301) * 1000 }), anchor(plain)),
  ],
  [
    'a timestamp 300 seconds ahead',
    'held',
    async () => verdict(await forgeDocument(plain, { timestamp: (at + 300) * 1000 }), anchor(plain)),
  ],
  ['30 February', 'CERT DER_VALUE', () => bent(leaf, validUntil(utc('270230120000Z')))],
  ['month 13', 'CERT DER_VALUE', () => bent(leaf, validUntil(utc('271301120000Z')))],
  ['hour 24', 'CERT DER_VALUE', () => bent(leaf, validUntil(utc('271201240000Z')))],
  ['second 60', 'CERT DER_VALUE', () => bent(leaf, validUntil(utc('271201235960Z')))],
  ['a time without seconds', 'CERT DER_VALUE', () => bent(leaf, validUntil(utc('2712012359Z')))],
  ['a time with an offset', 'CERT DER_VALUE', () => bent(leaf, validUntil(utc('271201235959+0000')))],
  ['a GeneralizedTime before 2050', 'CERT DER_VALUE', () => bent(leaf, validUntil(generalized('20271201235959Z')))],
  ['a fraction of a second', 'CERT DER_VALUE', () => bent(leaf, validUntil(generalized('20511201235959.5Z')))],
];

const keysAndAlgorithms: Case[] = [
  ...[1, 2, 3, 4].map(
    (level): Case => [
      `a P-256 key at level ${level}`,
      // A P-256 leaf cannot make a signature of 96 bytes at all.
      level === leaf ? 'COSE COSE_SIGNATURE' : 'CERT ATTESTATION_CERTIFICATE',
      () => ofChain({ curves: { [level]: 'P-256' } }),
    ],
  ),
  ['a P-521 key', 'CERT ATTESTATION_CERTIFICATE', () => ofChain({ curves: { 3: 'P-521' } })],
  ...onEach([1, 2, 3, 4], 'ecdsa-with-SHA256', 'CERT ATTESTATION_CERTIFICATE', () => ({
    innerAlgorithm: algorithm('1.2.840.10045.4.3.2'),
    hash: 'SHA-256',
  })),
  [
    'sha256WithRSAEncryption',
    'CERT ATTESTATION_CERTIFICATE',
    () => bent(3, { innerAlgorithm: algorithm('1.2.840.113549.1.1.11', derElement(DER_TAG.null)) }),
  ],
  [
    'NULL parameters where ECDSA has none',
    'CERT ATTESTATION_CERTIFICATE',
    () => bent(3, { innerAlgorithm: algorithm(OID.ecdsaWithSha384, derElement(DER_TAG.null)) }),
  ],
  [
    'an outer algorithm that is not the signed one',
    'CERT X509_ALGORITHM',
    () => bent(3, { outerAlgorithm: algorithm('1.2.840.10045.4.3.2') }),
  ],
  [
    'an RSA key',
    'CERT ATTESTATION_CERTIFICATE',
    async () => {
      const usage = {
        name: 'RSASSA-PKCS1-v1_5',
        modulusLength: 2048,
        publicExponent: Uint8Array.of(1, 0, 1),
        hash: 'SHA-256',
      };
      const { publicKey } = await crypto.subtle.generateKey(usage, true, ['sign', 'verify']);
      return bent(leaf, { spki: new Uint8Array(await crypto.subtle.exportKey('spki', publicKey)) });
    },
  ],
  [
    'explicit curve parameters',
    'CERT ATTESTATION_CERTIFICATE',
    () =>
      bent(leaf, {
        spki: derSequence(
          derSequence(derOid(OID.ecPublicKey), derSequence(derUnsigned(1))),
          derBitString(pointOf(stray.spki)),
        ),
      }),
  ],
  [
    'a compressed point',
    'CERT ATTESTATION_CERTIFICATE',
    () => bent(leaf, { spki: p384Key(concatBytes(Uint8Array.of(2), pointOf(stray.spki).subarray(1, 49))) }),
  ],
  [
    'a hybrid point',
    'CERT ATTESTATION_CERTIFICATE',
    () => bent(leaf, { spki: p384Key(concatBytes(Uint8Array.of(6), pointOf(stray.spki).subarray(1))) }),
  ],
  ['the point at infinity', 'CERT ATTESTATION_CERTIFICATE', () => bent(leaf, { spki: p384Key(Uint8Array.of(0)) })],
  [
    'a leaf point off the curve',
    'CERT X509_KEY',
    () =>
      bent(leaf, {
        spki: p384Key(Uint8Array.from(pointOf(stray.spki), (byte, place) => (place === 96 ? byte ^ 1 : byte))),
      }),
  ],
  [
    'an issuer’s point off the curve',
    'CERT X509_KEY',
    () => bent(2, { spki: p384Key(new Uint8Array(97).fill(4, 0, 1)) }),
  ],
];

const form: Case[] = [
  ...onEach([0, 1, 2, 3, 4], 'an unknown critical extension', 'CERT ATTESTATION_CERTIFICATE', (level) => ({
    extensions: [
      encodeBasicConstraints(level < leaf),
      level < leaf ? authorityUsage : leafUsage,
      extension('1.2.3.4', derSequence(), true),
    ],
  })),
  [
    'critical name constraints',
    'CERT ATTESTATION_CERTIFICATE',
    () => bent(1, { extensions: [authority, authorityUsage, extension('2.5.29.30', derSequence(), true)] }),
  ],
  [
    'a path length that wraps 32 bits to 3',
    'CERT DER_VALUE',
    () =>
      bent(1, {
        extensions: [constraints(derSequence(derBoolean(true), derUnsigned(2 ** 32 + 3))), authorityUsage],
      }),
  ],
  [
    'a negative path length',
    'CERT DER_VALUE',
    () => bent(1, { extensions: [constraints(derSequence(derBoolean(true), parseHex('0201ff'))), authorityUsage] }),
  ],
  [
    'a path length without cA',
    'CERT X509_EXTENSION',
    () => bent(leaf, { extensions: [constraints(derSequence(derUnsigned(0))), leafUsage] }),
  ],
  [
    'cA TRUE as 01',
    'CERT DER_VALUE',
    () => bent(1, { extensions: [constraints(parseHex('3003010101')), authorityUsage] }),
  ],
  [
    'critical FALSE written out',
    'CERT X509_EXTENSION',
    () =>
      bent(leaf, {
        extensions: [
          encodeBasicConstraints(false),
          derSequence(derOid(OID.keyUsage), derBoolean(false), derOctets(derBitString(Uint8Array.of(0xc0), 6))),
        ],
      }),
  ],
  [
    'basicConstraints twice',
    'CERT X509_EXTENSION',
    () => bent(leaf, { extensions: [encodeBasicConstraints(false), authority, leafUsage] }),
  ],
  [
    'keyUsage twice',
    'CERT X509_EXTENSION',
    () => bent(1, { extensions: [authority, authorityUsage, encodeKeyUsage([keyCertSign], true)] }),
  ],
  [
    'keyUsage without any bit',
    'CERT X509_EXTENSION',
    () => bent(1, { extensions: [authority, extension(OID.keyUsage, derBitString(new Uint8Array()), true)] }),
  ],
  [
    'keyUsage with unused bits set',
    'CERT DER_VALUE',
    () => bent(1, { extensions: [authority, extension(OID.keyUsage, derBitString(Uint8Array.of(0x07), 2), true)] }),
  ],
  [
    'trailing bytes in an extension',
    'CERT DER_TRAILING',
    () =>
      bent(1, {
        extensions: [constraints(concatBytes(derSequence(derBoolean(true)), Uint8Array.of(0))), authorityUsage],
      }),
  ],
  [
    'a SET where a SEQUENCE stands',
    'CERT DER_TAG',
    () => bent(1, { extensions: [constraints(derSet()), authorityUsage] }),
  ],
  ['version 1', 'CERT X509_VERSION', () => bent(1, { version: new Uint8Array() })],
  ['version 2', 'CERT X509_VERSION', () => bent(1, { version: derExplicit(0, derUnsigned(1)) })],
  ['version 4', 'CERT X509_VERSION', () => bent(1, { version: derExplicit(0, derUnsigned(3)) })],
  ['a negative serial number', 'CERT DER_VALUE', () => bent(1, { serial: parseHex('0201ff') })],
  ['a serial number of 21 bytes', 'CERT DER_VALUE', () => bent(1, { serial: derUnsigned(new Uint8Array(21).fill(1)) })],
  ['a serial number with a leading zero', 'CERT DER_VALUE', () => bent(1, { serial: parseHex('02020001') })],
  ['an empty serial number', 'CERT DER_VALUE', () => bent(1, { serial: parseHex('0200') })],
  ['an issuerUniqueID', 'CERT X509_EXTENSION', () => bent(1, { beforeExtensions: parseHex('81020000') })],
  [
    'a byte after the certificate',
    'CERT DER_TRAILING',
    () => bent(3, { bytes: (der) => concatBytes(der, Uint8Array.of(0)) }),
  ],
  [
    'a byte after the extensions',
    'CERT DER_TRAILING',
    () => bent(3, { beforeExtensions: derElement(0xa3, derSequence(), Uint8Array.of(0)), extensions: [] }),
  ],
  [
    'a length in more octets than needed',
    'CERT DER_LENGTH',
    () => bent(3, { bytes: (der) => concatBytes(parseHex('3083'), Uint8Array.of(0), der.subarray(2)) }),
  ],
  [
    'an indefinite length',
    'CERT DER_LENGTH',
    () => bent(3, { bytes: (der) => concatBytes(parseHex('3080'), der.subarray(4), Uint8Array.of(0, 0)) }),
  ],
  ['a length beyond the end', 'CERT DER_TRUNCATED', () => bent(3, { bytes: (der) => der.subarray(0, der.length - 1) })],
  [
    'a signature with r zero',
    'CERT X509_SIGNATURE_VALUE',
    () => bent(3, { signature: (raw) => encodeEcdsaSignature(Uint8Array.from(raw).fill(0, 0, 48)) }),
  ],
  [
    'a signature with s zero',
    'CERT X509_SIGNATURE_VALUE',
    () => bent(3, { signature: (raw) => encodeEcdsaSignature(Uint8Array.from(raw).fill(0, 48)) }),
  ],
  [
    'a signature with a negative r',
    'CERT DER_VALUE',
    () => bent(3, { signature: () => derSequence(parseHex('0201ff'), derUnsigned(1)) }),
  ],
  [
    'a signature value with a leading zero',
    'CERT DER_VALUE',
    () =>
      bent(3, {
        signature: (raw) =>
          derSequence(derElement(2, Uint8Array.of(0, 0x01), raw.subarray(1, 48)), derUnsigned(raw.subarray(48))),
      }),
  ],
  [
    'a raw signature where DER stands',
    'CERT DER_TAG',
    () => bent(3, { signature: (raw) => concatBytes(Uint8Array.of(DER_TAG.octetString, 94), raw.subarray(2)) }),
  ],
  [
    'a byte after a signature',
    'CERT DER_TRAILING',
    () => bent(3, { signature: (raw) => concatBytes(encodeEcdsaSignature(raw), Uint8Array.of(0)) }),
  ],
  [
    'a certificate above 1,024 bytes',
    'DOC ATTESTATION_FIELD',
    () => bent(3, { extensions: [authority, authorityUsage, extension('1.2.3', new Uint8Array(900))] }),
  ],
];

const whole: Case[] = [
  [
    'debug PCRs under a genuine chain',
    'DEBUG VERIFY_DEBUG',
    async () => {
      const pcrs = new Map(Array.from({ length: 16 }, (_, index) => [index, new Uint8Array(48)]));
      return verdict(await forgeDocument(plain, { ...sound, pcrs }), anchor(plain));
    },
  ],
  [
    'a signature by the instance’s key',
    'SIG VERIFY_SIGNATURE',
    async () => verdict(await forgeDocument(plain, sound, { signWith: plain.keys[3]! }), anchor(plain)),
  ],
];

const live: Case[] = [
  [
    'an unknown extension that is not critical',
    'held',
    () => bent(1, { extensions: [authority, authorityUsage, extension('1.2.3.4', derSequence())] }),
  ],
  ['key identifiers nowhere', 'held', () => ofChain({})],
  ['no path length constraint anywhere', 'held', () => ofChain({ pathLengths: {} })],
  ['three levels', 'held', () => ofChain({ levels: 3 })],
  ['nine levels', 'held', () => ofChain({ levels: 9, pathLengths: {} })],
  ['a leaf without basicConstraints', 'held', () => bent(leaf, { extensions: [leafUsage] })],
  ['a GeneralizedTime from 2050 on', 'held', () => bent(1, validUntil(generalized('20510101000000Z')))],
  [
    'a root that is among several',
    'held',
    async () => verdict(await forgeDocument(plain, sound), { roots: [other.rootPem, plain.rootPem], at }),
  ],
];

const groups: readonly (readonly [string, readonly Case[]])[] = [
  ['T-V3: who may sign whom', who],
  ['T-V3: order and company of the bundle', order],
  ['T-V3: times', time],
  ['T-V3: keys and algorithms', keysAndAlgorithms],
  ['T-V3: the form of a certificate', form],
  ['T-V3: the whole document', whole],
  ['T-V3: what hardware may do and a verifier must accept', live],
];

for (const [title, cases] of groups) {
  test(`${title}: ${cases.length} cases, each with its exact verdict`, async () => {
    const wrong: string[] = [];
    for (const [name, expected, run] of cases) {
      const got = await run();
      if (got !== expected) wrong.push(`${name}: expected ${expected}, got ${got}`);
    }
    assert.deepEqual(wrong, []);
  });
}

test('T-V3: the list is as long as the plan asks', () => {
  assert.ok(groups.reduce((count, [, cases]) => count + cases.length, 0) >= 94 + 8);
});

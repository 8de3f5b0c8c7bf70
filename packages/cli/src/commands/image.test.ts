// Images from the command line: exit codes, every --json document against its schema, and nitro-cli's names.
import assert from 'node:assert/strict';
import { createHash } from 'node:crypto';
import { existsSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, before, test } from 'node:test';
import { toUtf8 } from '@caisson/core/bytes';
import { type CborValue, encodeCbor } from '@caisson/core/cbor';
import { signCoseSign1 } from '@caisson/core/cose';
import { createCpio } from '@caisson/core/cpio';
import { type EifImage, planEif } from '@caisson/core/eif';
import { encodeName, issueCertificate, OID, toPem } from '@caisson/core/x509';
import { assertFitsSchema } from '@caisson/testkit/contract';
import { hear } from '@caisson/testkit/program';
import { run } from '../run.ts';

let folder: string;
const at = (name: string): string => join(folder, name);
const notBefore = Date.UTC(2026, 0, 2, 3, 4, 5) / 1000;
const notAfter = Date.UTC(2126, 0, 2) / 1000;
const sha384 = () => createHash('sha384');
let pcr8: string;

async function bytesOf(chunks: AsyncIterable<Uint8Array> | Iterable<Uint8Array>): Promise<Buffer> {
  const parts: Uint8Array[] = [];
  for await (const chunk of chunks) parts.push(chunk);
  return Buffer.concat(parts);
}

before(async () => {
  folder = mkdtempSync(join(tmpdir(), 'caisson-images-'));
  const archive = createCpio([
    { path: 'cmd', kind: 'file', mode: 0o644, content: toUtf8('/bin/app\n') },
    { path: 'link', kind: 'symlink', mode: 0o777, target: '/etc' },
    { path: 'null', kind: 'character', mode: 0o666, major: 1, minor: 3 },
  ]);
  const image: EifImage = {
    architecture: 'x86_64',
    kernel: toUtf8('K'),
    cmdline: 'quiet',
    metadata: { ImageName: 'evil\u001b[31m', ImageVersion: '1', BuildMetadata: {}, CustomMetadata: null },
    ramdisks: [toUtf8('R'), await bytesOf(archive.open())],
  };
  const plain = await planEif(image, sha384);
  writeFileSync(at('plain.eif'), await bytesOf(plain.open()));
  const { der, pem, signature } = await sign(plain.measurements.pcr0);
  pcr8 = sha384().update(Buffer.alloc(48)).update(sha384().update(der).digest()).digest('hex');
  writeFileSync(at('signer.pem'), pem);
  writeFileSync(at('signed.eif'), await bytesOf((await planEif({ ...image, signature }, sha384)).open()));
  // The signature of another image.
  const moved = await planEif({ ...image, cmdline: 'debug', signature }, sha384);
  writeFileSync(at('forged.eif'), await bytesOf(moved.open()));
  const damaged = readFileSync(at('plain.eif'));
  // The number of CPUs, which no PCR has.
  damaged[23]! ^= 1;
  writeFileSync(at('damaged.eif'), damaged);
  writeFileSync(at('text'), 'no image');
});
after(() => rmSync(folder, { recursive: true }));

async function sign(pcr0: Uint8Array): Promise<{ der: Uint8Array; pem: string; signature: Uint8Array }> {
  const keys = await crypto.subtle.generateKey({ name: 'ECDSA', namedCurve: 'P-384' }, true, ['sign', 'verify']);
  const name = encodeName([
    { oid: OID.organization, value: 'Us' },
    { oid: OID.commonName, value: 'signer' },
  ]);
  const publicKey = new Uint8Array(await crypto.subtle.exportKey('spki', keys.publicKey));
  const der = await issueCertificate(
    { serial: Uint8Array.of(1), issuer: name, subject: name, notBefore, notAfter, publicKey, extensions: [] },
    keys.privateKey,
  );
  const pem = toPem('CERTIFICATE', der);
  const register = new Map<string, CborValue>([
    ['register_index', 0],
    ['register_value', [...pcr0]],
  ]);
  const entry = new Map<string, CborValue>([
    ['signing_certificate', [...toUtf8(pem)]],
    ['signature', [...(await signCoseSign1(encodeCbor(register), keys.privateKey))]],
  ]);
  return { der, pem, signature: encodeCbor([entry]) };
}

const caisson = (...words: readonly string[]) => hear(run, words);

async function jsonOf(name: string, ...words: readonly string[]): Promise<Record<string, unknown>> {
  const { out } = await caisson('image', ...words, '--json');
  assert.equal(out.split('\n').length, 2, 'one line');
  const document = JSON.parse(out) as Record<string, unknown>;
  assertFitsSchema(document, name);
  return document;
}

test('every --json document is what its schema says', async () => {
  for (const file of ['plain.eif', 'signed.eif', 'forged.eif', 'damaged.eif']) {
    await jsonOf('image-inspect', 'inspect', at(file));
    await jsonOf('image-validate', 'validate', at(file));
  }
  await jsonOf('image-measure', 'measure', at('plain.eif'));
  assert.equal((await jsonOf('image-measure', 'measure', at('signed.eif')))['PCR8'], pcr8);
  await jsonOf('image-diff', 'diff', at('plain.eif'), at('signed.eif'));
});

test('validate ends with 2 and every fault, of what is no image too, and with 0 for a sound one', async () => {
  const faultsOf = async (file: string, ...more: readonly string[]): Promise<[number, string[]]> => {
    const { code, out } = await caisson('image', 'validate', at(file), ...more);
    return [code, [...out.matchAll(/^FAULT {2}(\w+):/gm)].map(([, name = '']) => name)];
  };
  assert.deepEqual(await faultsOf('plain.eif'), [0, []]);
  assert.deepEqual(await faultsOf('signed.eif', '--at', String(notBefore)), [0, []]);
  assert.deepEqual(await faultsOf('signed.eif', '--at', String(notBefore - 1)), [2, ['EIF_SIGNATURE_DATE']]);
  assert.deepEqual(await faultsOf('forged.eif', '--at', String(notAfter + 1)), [
    2,
    ['EIF_SIGNATURE_PCR0', 'EIF_SIGNATURE_DATE'],
  ]);
  assert.deepEqual(await faultsOf('damaged.eif'), [2, ['EIF_CRC']]);
  assert.deepEqual(await faultsOf('text'), [2, ['EIF_TRUNCATED']]);
  assert.equal((await caisson('image', 'validate', at('none'))).code, 1);
});

test('measure refuses a damaged image with 1 and a signature that does not hold with 2', async () => {
  const { code, out } = await caisson('image', 'measure', at('signed.eif'));
  assert.equal(code, 0);
  assert.match(out, /^PCR0 [0-9a-f]{96}\nPCR1 [0-9a-f]{96}\nPCR2 [0-9a-f]{96}\nPCR8 [0-9a-f]{96}\n$/);
  assert.deepEqual([(await caisson('image', 'measure', at('damaged.eif'))).code], [1]);
  const forged = await caisson('image', 'measure', at('forged.eif'));
  assert.deepEqual([forged.code, forged.out], [2, '']);
});

test('inspect describes damaged images too, and no text of an image reaches the terminal as it is', async () => {
  const { code, out } = await caisson('image', 'inspect', at('damaged.eif'));
  assert.equal(code, 0);
  assert.match(out, /^FAULT {2}EIF_CRC: EIF checksum must be/m);
  assert.ok(!out.includes('\u001b'));
  assert.match(
    await caisson('image', 'inspect', at('forged.eif')).then((got) => got.out),
    /^signature {2}DOES NOT HOLD$/m,
  );
  assert.match(
    await caisson('image', 'inspect', at('signed.eif')).then((got) => got.out),
    /^signature {2}holds for PCR0$/m,
  );
});

test('inspect says which profile is measured, and that metadata is not', async () => {
  const boot = createCpio([{ path: 'profile', kind: 'file', mode: 0o644, content: toUtf8('development\n') }]);
  const ramdisks = [await bytesOf(boot.open()), toUtf8('R')];
  const metadata = { ImageName: 'a', CustomMetadata: { CaissonProfile: 'production' } };
  const image: EifImage = { architecture: 'x86_64', kernel: toUtf8('K'), cmdline: 'quiet', metadata, ramdisks };
  writeFileSync(at('own.eif'), await bytesOf((await planEif(image, sha384)).open()));
  const { out } = await caisson('image', 'inspect', at('own.eif'));
  assert.match(out, /^profile {4}development\ninit {7}plain, no components$/m);
  assert.match(out, /^metadata {3}in no PCR$/m);
  const { measured } = await jsonOf('image-inspect', 'inspect', at('own.eif'));
  assert.deepEqual(measured, {
    profile: 'development',
    init: 'plain',
    name: null,
    version: null,
    components: [],
    fileRoots: [],
  });
  assert.equal((await jsonOf('image-inspect', 'inspect', at('plain.eif')))['measured'], null);
});

test('diff ends with 0 for the same bytes and with 2 for others, and tells both kinds of sameness apart', async () => {
  const same = await caisson('image', 'diff', at('plain.eif'), at('plain.eif'));
  assert.deepEqual(same, { code: 0, out: 'EQUAL: the same bytes\n', err: '' });
  const signed = await caisson('image', 'diff', at('plain.eif'), at('signed.eif'));
  assert.equal(signed.code, 2);
  assert.match(signed.out, /^section\[5\]\.kind: absent \| signature$/m);
  assert.match(signed.out, /DIFFERENT: PCR0, PCR1 and PCR2 are the same\n$/);
  assert.match((await caisson('image', 'diff', at('signed.eif'), at('forged.eif'))).out, /^cmdline: quiet \| debug$/m);
});

test('files and extract need ramdisks that can be opened; what is not made is named', async () => {
  // The first ramdisk is no archive.
  const closed = await caisson('image', 'files', at('plain.eif'));
  assert.equal(closed.code, 1);
  assert.match(closed.err, /must be cpio, plain or in gzip, got unknown/);
  const bytes = readFileSync(at('plain.eif'));
  const archive = bytes.subarray(bytes.indexOf('070701'));
  const image = {
    architecture: 'x86_64',
    kernel: toUtf8('K'),
    cmdline: '',
    metadata: {},
    ramdisks: [archive],
  } as const;
  writeFileSync(at('open.eif'), await bytesOf((await planEif(image, sha384)).open()));
  const { files } = await jsonOf('image-files', 'files', at('open.eif'));
  assert.equal((files as unknown[]).length, 3);
  const listed = await caisson('image', 'files', at('open.eif'));
  assert.match(listed.out, /^0 symlink .* link -> \/etc$/m);
  assert.match(listed.out, /^0 character .* device 1:3 null$/m);
  const { trees } = await jsonOf('image-extract', 'extract', at('open.eif'), at('apart'));
  assert.deepEqual(
    (trees as { leftOut: { path: string }[] }[])[0]!.leftOut.map(({ path }) => path),
    ['link', 'null'],
  );
  assert.deepEqual(readdirSync(join(at('apart'), 'ramdisk-0')), ['cmd']);
  const again = await caisson('image', 'extract', at('open.eif'), at('apart'));
  assert.equal(again.code, 1);
  assert.match(again.err, /cannot make folder .*EEXIST\n {2}hint: name a folder that does not exist/);
  assert.equal((await caisson('image', 'extract', at('damaged.eif'), at('other'))).code, 1);
  assert.ok(!existsSync(at('other')));
});

test('describe-eif prints the keys of nitro-cli in its order', async () => {
  const { code, out, err } = await caisson('describe-eif', '--eif-path', at('signed.eif'));
  assert.deepEqual([code, err], [0, '']);
  const described = JSON.parse(out) as Record<string, Record<string, unknown>>;
  assert.deepEqual(Object.keys(described), [
    ...['EifVersion', 'Measurements', 'IsSigned', 'SigningCertificate', 'CheckCRC', 'SignatureCheck'],
    ...['ImageName', 'ImageVersion', 'Metadata'],
  ]);
  assert.deepEqual(Object.keys(described['Measurements']!), ['HashAlgorithm', 'PCR0', 'PCR1', 'PCR2', 'PCR8']);
  const { Signature, ...certificate } = described['SigningCertificate']!;
  assert.deepEqual(certificate, {
    IssuerName: { commonName: 'signer', organizationName: 'Us' },
    Algorithm: 'ecdsa-with-SHA384',
    NotBefore: 'Jan  2 03:04:05 2026 GMT',
    NotAfter: 'Jan  2 00:00:00 2126 GMT',
  });
  assert.match(Signature as string, /^30:[0-9A-F]{2}(:[0-9A-F]{2})+$/);
  assert.equal(described['SignatureCheck'] as unknown, true);
  const damaged = await caisson('describe-eif', '--eif-path', at('damaged.eif'));
  assert.equal((JSON.parse(damaged.out) as { CheckCRC: boolean }).CheckCRC, false);
  assert.match(damaged.err, /^warning: EIF_CRC:/);
});

test('pcr prints what nitro-cli prints for a file and for a certificate', async () => {
  const given = await caisson('pcr', '--signing-certificate', at('signer.pem'));
  assert.deepEqual(JSON.parse(given.out), { PCR8: pcr8 });
  const digest = sha384().update('no image').digest();
  const expected = sha384().update(Buffer.alloc(48)).update(digest).digest('hex');
  assert.deepEqual(JSON.parse((await caisson('pcr', '--input', at('text'))).out), { PCR: expected });
  assert.equal((await caisson('pcr', '--signing-certificate', at('text'))).code, 1);
});

test('wrong command lines end with 64', async () => {
  const lines = [
    ['image', 'inspect', at('plain.eif'), '--at', 'today'],
    ['image', 'validate'],
    ['image', 'diff', at('plain.eif')],
    ['pcr'],
    ['pcr', '--input', at('text'), '--signing-certificate', at('signer.pem')],
    ['describe-eif'],
  ];
  for (const words of lines) assert.equal((await caisson(...words)).code, 64, words.join(' '));
});

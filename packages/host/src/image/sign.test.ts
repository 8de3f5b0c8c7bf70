// Signing an image: OpenSSL makes the keys, core reads the result as strictly as any image, and nothing that is measured moves.
import assert from 'node:assert/strict';
import { execFileSync } from 'node:child_process';
import { createHash } from 'node:crypto';
import { mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, before, test } from 'node:test';
import { toUtf8 } from '@caisson/core/bytes';
import { createCpio } from '@caisson/core/cpio';
import { crc32, type EifImage, planEif } from '@caisson/core/eif';
import { createImageSigner, inspectImage, measureImage, openImageFile, signImage } from './index.ts';

let folder: string;
const at = (name: string): string => join(folder, name);
// A minute on: certificates made below must not begin after it.
const now = Math.floor(Date.now() / 1000) + 60;
const openssl = (...words: string[]): string => execFileSync('openssl', words, { encoding: 'utf8', stdio: 'pipe' });

before(() => {
  folder = mkdtempSync(join(tmpdir(), 'caisson-sign-'));
  for (const curve of ['prime256v1', 'secp384r1', 'secp521r1', 'secp256k1']) {
    openssl('ecparam', '-name', curve, '-genkey', '-noout', '-out', at(`${curve}.key`));
    openssl(
      'req',
      '-new',
      '-x509',
      '-key',
      at(`${curve}.key`),
      '-subj',
      '/CN=signer',
      '-days',
      '3',
      '-out',
      at(`${curve}.pem`),
    );
  }
});
after(() => rmSync(folder, { recursive: true }));

async function write(name: string, change: Partial<EifImage> = {}): Promise<string> {
  const ramdisk: Uint8Array[] = [];
  for await (const chunk of createCpio([{ path: 'init', kind: 'file', mode: 0o755, content: toUtf8('init') }]).open())
    ramdisk.push(chunk);
  const image: EifImage = {
    architecture: 'x86_64',
    kernel: new Uint8Array(3_000_000).fill(7),
    cmdline: 'quiet',
    metadata: { ImageName: 'n', ImageVersion: '1' },
    ramdisks: [Buffer.concat(ramdisk)],
    ...change,
  };
  const chunks: Uint8Array[] = [];
  for await (const chunk of (await planEif(image, () => createHash('sha384'))).open()) chunks.push(chunk);
  writeFileSync(at(name), Buffer.concat(chunks));
  return at(name);
}

async function signer(curve = 'secp384r1', moment = now) {
  return await createImageSigner({
    key: readFileSync(at(`${curve}.key`)),
    certificate: readFileSync(at(`${curve}.pem`)),
    at: moment,
  });
}

test('signs with a key on each of the three curves, keeps PCR0 to PCR2, and gives PCR8', async () => {
  for (const curve of ['prime256v1', 'secp384r1', 'secp521r1']) {
    const path = await write(`${curve}.eif`);
    const before = await measureImage(path);
    const signed = await signImage(path, await signer(curve));
    assert.deepEqual(await measureImage(path), signed);
    const { PCR8, ...rest } = signed;
    assert.deepEqual(rest, before);
    const file = await openImageFile(path);
    const { signatureHolds, faults } = await inspectImage(file, now);
    await file.close();
    assert.equal(signatureHolds, true);
    assert.deepEqual(faults, []);
    assert.equal(PCR8.length, 96);
  }
});

test('makes the same bytes every time: the nonce of a signature comes from key and message (RFC 6979)', async () => {
  const [one, other] = [await write('one.eif'), await write('other.eif')];
  await signImage(one, await signer());
  await signImage(other, await signer());
  assert.ok(readFileSync(one).equals(readFileSync(other)));
});

test('puts another signature in the place of the one that is there, and keeps the order of the sections', async () => {
  const path = await write('again.eif');
  await signImage(path, await signer('prime256v1'));
  const first = readFileSync(path);
  await signImage(path, await signer('secp521r1'));
  const direct = await write('direct.eif');
  await signImage(direct, await signer('secp521r1'));
  assert.ok(readFileSync(path).equals(readFileSync(direct)));
  assert.notEqual(readFileSync(path).length, first.length);
  const bytes = readFileSync(path);
  assert.equal(bytes.readUInt32BE(544), crc32(Buffer.concat([bytes.subarray(0, 544), bytes.subarray(548)])));
});

test('is what OpenSSL too calls a signature of this key', async () => {
  const path = await write('openssl.eif');
  let toBeSigned = Buffer.alloc(0);
  let raw = Buffer.alloc(0);
  const inner = await signer();
  await signImage(path, {
    certificatePem: inner.certificatePem,
    sign(bytes, algorithm) {
      toBeSigned = Buffer.from(bytes);
      raw = Buffer.from(inner.sign(bytes, algorithm));
      return raw;
    },
  });
  const integer = (bytes: Buffer): Buffer => {
    const whole = Buffer.concat([Buffer.from([0]), bytes]);
    return Buffer.concat([Buffer.from([2, whole.length]), whole]);
  };
  // DER wants no needless zero in front; OpenSSL is strict about it.
  const minimal = (bytes: Buffer): Buffer =>
    bytes[0]! >= 0x80 ? integer(bytes) : Buffer.concat([Buffer.from([2, bytes.length]), bytes]);
  const strip = (bytes: Buffer): Buffer =>
    bytes.subarray(
      Math.max(
        0,
        bytes.findIndex((byte) => byte !== 0),
      ),
    );
  const body = Buffer.concat([minimal(strip(raw.subarray(0, 48))), minimal(strip(raw.subarray(48)))]);
  writeFileSync(at('sig'), Buffer.concat([Buffer.from([0x30, body.length]), body]));
  writeFileSync(at('tbs'), toBeSigned);
  writeFileSync(at('pub'), openssl('x509', '-in', at('secp384r1.pem'), '-pubkey', '-noout'));
  assert.match(openssl('dgst', '-sha384', '-verify', at('pub'), '-signature', at('sig'), at('tbs')), /Verified OK/);
});

test('refuses a certificate of another key, one that is not valid now, and a key on another curve, and leaves the image as it was', async () => {
  const path = await write('refused.eif');
  const bytes = readFileSync(path);
  const key = readFileSync(at('secp384r1.key'));
  await assert.rejects(createImageSigner({ key, certificate: readFileSync(at('prime256v1.pem')), at: now }), {
    code: 'IMAGE_SIGNING_PAIR',
  });
  await assert.rejects(signer('secp384r1', now + 4 * 86_400), { code: 'IMAGE_SIGNING_DATE' });
  await assert.rejects(signer('secp384r1', now - 86_400), { code: 'IMAGE_SIGNING_DATE' });
  await assert.rejects(async () => signImage(path, await signer('secp256k1')), { code: 'EIF_SIGNATURE' });
  assert.ok(readFileSync(path).equals(bytes));
  assert.deepEqual(
    readdirSync(folder).filter((name) => name.startsWith('.caisson')),
    [],
  );
});

test('opens an encrypted key with its passphrase, and says what is missing without it', async () => {
  openssl('ec', '-in', at('secp384r1.key'), '-aes256', '-passout', 'pass:word', '-out', at('locked.key'));
  const [key, certificate] = [readFileSync(at('locked.key')), readFileSync(at('secp384r1.pem'))];
  const path = await write('locked.eif');
  await signImage(path, await createImageSigner({ key, certificate, passphrase: 'word', at: now }));
  for (const passphrase of [undefined, 'wrong']) {
    const material = { key, certificate, at: now, ...(passphrase !== undefined && { passphrase }) };
    await assert.rejects(createImageSigner(material), (error: Error & { hint?: string }) => {
      assert.match(error.message, /passphrase/);
      assert.doesNotMatch(JSON.stringify(error), /word/);
      return true;
    });
  }
});

test('refuses to sign a damaged image, or one of a version that has no signatures', async () => {
  const path = await write('damaged.eif');
  const bytes = readFileSync(path);
  bytes[700] = 1;
  writeFileSync(path, bytes);
  await assert.rejects(signImage(path, await signer()), { code: 'EIF_CRC' });
});

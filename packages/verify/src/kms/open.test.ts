// What opens, what does not, and that a stranger cannot tell why.
import assert from 'node:assert/strict';
import { generateKeyPairSync } from 'node:crypto';
import { before, test } from 'node:test';
import { concatBytes, toHex, toUtf8 } from '@caisson/core/bytes';
import { VerificationError } from '@caisson/core/errors';
import { toPem } from '@caisson/core/x509';
import { laneFigure } from '@caisson/testkit/contract';
import { encryptContent, sealForRecipient } from '@caisson/testkit/kms';
import fc from 'fast-check';
import { createRecipient, type KmsRecipient, openCiphertextForRecipient, parseRecipientEnvelope } from './index.ts';

const plaintext = toUtf8('a data key of thirty-two bytes..');
let recipient: KmsRecipient;
before(async () => {
  recipient = await createRecipient();
});

async function refused(ciphertext: Uint8Array, recipientKeyId?: Uint8Array): Promise<VerificationError> {
  const options = { ciphertext, privateKey: recipient.privateKey, ...(recipientKeyId && { recipientKeyId }) };
  let error: unknown;
  await assert.rejects(openCiphertextForRecipient(options), (thrown) => {
    error = thrown;
    return true;
  });
  assert.ok(error instanceof VerificationError, String(error));
  return error;
}

test('opens what KMS writes: indefinite lengths, content in pieces or primitive, with and without NULL', async () => {
  const { publicKey, privateKey, recipientKeyId } = recipient;
  for (const form of ['indefinite', 'definite'] as const) {
    for (const hasNull of [true, false]) {
      for (const pieceBytes of [1, 16, 48]) {
        const ciphertext = await sealForRecipient({ publicKey, plaintext, form, hasNull, pieceBytes });
        const opened = await openCiphertextForRecipient({ ciphertext, privateKey, recipientKeyId });
        assert.equal(toHex(opened), toHex(plaintext));
      }
    }
  }
});

test('opens plaintexts of every length up to what KMS takes', async () => {
  const { publicKey, privateKey, recipientKeyId } = recipient;
  for (const length of [0, 1, 15, 16, 17, 4096]) {
    const bytes = new Uint8Array(length).fill(0x5a);
    const ciphertext = await sealForRecipient({ publicKey, plaintext: bytes, pieceBytes: 1000 });
    assert.deepEqual(await openCiphertextForRecipient({ ciphertext, privateKey, recipientKeyId }), bytes);
  }
});

test('a recipient is RSA-2048 in SubjectPublicKeyInfo, new each time, and its private half cannot be exported', async () => {
  const other = await createRecipient();
  assert.notDeepEqual(other.publicKey, recipient.publicKey);
  assert.equal(recipient.publicKey.length, 294);
  assert.equal((recipient.privateKey.algorithm as RsaHashedKeyAlgorithm).modulusLength, 2048);
  assert.equal(recipient.privateKey.extractable, false);
  await assert.rejects(crypto.subtle.exportKey('pkcs8', recipient.privateKey));
});

test('whatever is wrong, the error is the same one and carries no cause', async () => {
  const { publicKey, recipientKeyId } = recipient;
  const iv = new Uint8Array(16).fill(3);
  const contentKey = new Uint8Array(32).fill(9);
  const seal = (twist: Parameters<typeof sealForRecipient>[0]['twist'] & object) =>
    sealForRecipient({ publicKey, plaintext, contentKey, iv, twist });
  const good = await encryptContent(contentKey, iv, plaintext);
  const shortKey = await sealForRecipient({ publicKey, plaintext, iv, contentKey: new Uint8Array(16).fill(9) });
  const causes: Readonly<Record<string, Uint8Array>> = {
    empty: new Uint8Array(0),
    'no BER': toUtf8('not an answer'),
    'longer than any answer': new Uint8Array(20_000),
    'another recipient': await seal({ recipientKeyId: new Uint8Array(32) }),
    'OAEP that does not open': await seal({ encryptedKey: new Uint8Array(256).fill(0x7f) }),
    'a number over the modulus': await seal({ encryptedKey: new Uint8Array(256).fill(0xff) }),
    'a content key of 16 bytes': shortKey,
    'padding that does not hold': await seal({ content: concatBytes(good.subarray(0, -16), new Uint8Array(16)) }),
    'half a block': await seal({ content: good.subarray(1) }),
    'no content': await seal({ content: new Uint8Array(0) }),
  };
  const seen = new Set<string>();
  for (const [name, ciphertext] of Object.entries(causes)) {
    const { code, message, safe, hint, cause } = await refused(ciphertext, recipientKeyId);
    assert.equal(cause, undefined, name);
    seen.add(JSON.stringify([code, message, safe, hint]));
  }
  assert.equal(seen.size, 1, [...seen].join('\n'));
  assert.match([...seen][0] ?? '', /^\["KMS_ANSWER"/);
});

test('an answer is for the recipient it names: KMS’s identifier of another key is refused without being told to', async () => {
  const { publicKey, privateKey } = generateKeyPairSync('rsa', { modulusLength: 2048 });
  const pem = privateKey.export({ type: 'pkcs8', format: 'pem' }) as string;
  const spki = new Uint8Array(publicKey.export({ type: 'spki', format: 'der' }));
  const seal = (recipientKeyId?: Uint8Array) =>
    sealForRecipient({ publicKey: spki, plaintext, ...(recipientKeyId && { twist: { recipientKeyId } }) });
  const open = (ciphertext: Uint8Array) => openCiphertextForRecipient({ ciphertext, privateKey: pem });
  assert.deepEqual(await open(await seal()), plaintext);
  await assert.rejects(open(await seal(new Uint8Array(32).fill(1))), { code: 'KMS_ANSWER' });
  // openssl names recipients by 20 bytes of the certificate: nothing to compare with.
  assert.deepEqual(await open(await seal(new Uint8Array(20).fill(1))), plaintext);
  const options = { ciphertext: await seal(new Uint8Array(20).fill(1)), privateKey: pem };
  await assert.rejects(openCiphertextForRecipient({ ...options, recipientKeyId: new Uint8Array(20) }), {
    code: 'KMS_ANSWER',
  });
});

test('flipped bits in the IV go through: that an answer is KMS’s is known from TLS, not from the answer', async () => {
  const { publicKey, privateKey, recipientKeyId } = recipient;
  const long = new Uint8Array(40).fill(0x41);
  const ciphertext = await sealForRecipient({ publicKey, plaintext: long, form: 'definite' });
  const { iv } = parseRecipientEnvelope(ciphertext);
  iv[0]! ^= 1;
  const opened = await openCiphertextForRecipient({ ciphertext, privateKey, recipientKeyId });
  assert.equal(opened[0], 0x40);
  assert.deepEqual(opened.subarray(1), long.subarray(1));
});

test('keys of another kind, and hex in place of bytes, are a caller’s mistakes', async () => {
  const ciphertext = await sealForRecipient({ publicKey: recipient.publicKey, plaintext });
  const algorithm = { name: 'RSA-OAEP', modulusLength: 2048, publicExponent: Uint8Array.of(1, 0, 1) };
  const sha1 = await crypto.subtle.generateKey({ ...algorithm, hash: 'SHA-1' }, false, ['encrypt', 'decrypt']);
  const short = await crypto.subtle.generateKey({ ...algorithm, modulusLength: 1024, hash: 'SHA-256' }, false, [
    'encrypt',
    'decrypt',
  ]);
  const wrong = [sha1.privateKey, short.privateKey, sha1.publicKey, undefined as unknown as CryptoKey];
  for (const privateKey of wrong) {
    await assert.rejects(openCiphertextForRecipient({ ciphertext, privateKey }), (error) => {
      assert.ok(error instanceof TypeError);
      assert.match(error.message, /^privateKey must be PKCS#8 PEM text or a private RSA-OAEP key with SHA-256/);
      return true;
    });
  }
  const { privateKey } = recipient;
  const text = '30' as unknown as Uint8Array;
  await assert.rejects(openCiphertextForRecipient({ ciphertext: text, privateKey }), TypeError);
  await assert.rejects(openCiphertextForRecipient({ ciphertext, privateKey, recipientKeyId: text }), TypeError);
});

test('text that is no PKCS#8 RSA key is refused without a word of it', async () => {
  const ciphertext = await sealForRecipient({ publicKey: recipient.publicKey, plaintext });
  const ec = generateKeyPairSync('ec', { namedCurve: 'P-256' }).privateKey.export({ type: 'pkcs8', format: 'der' });
  const rsa = generateKeyPairSync('rsa', { modulusLength: 2048 }).privateKey;
  const der = rsa.export({ type: 'pkcs8', format: 'der' });
  const bent = Uint8Array.from(der);
  // The algorithm's last arc: RSASSA-PSS around the same integers.
  bent[19] = 0x0a;
  const secrets = [new Uint8Array(ec), Uint8Array.from(der.subarray(0, 700)), bent];
  for (const secret of secrets) {
    await assert.rejects(
      openCiphertextForRecipient({ ciphertext, privateKey: toPem('PRIVATE KEY', secret) }),
      ({ code, message, cause }: Error & { code: string }) => {
        assert.equal(code, 'KMS_PRIVATE_KEY');
        assert.doesNotMatch(message, /offset|MII/);
        assert.equal(cause, undefined);
        return true;
      },
    );
  }
  const pkcs1 = rsa.export({ type: 'pkcs1', format: 'pem' }) as string;
  for (const privateKey of [pkcs1, 'no PEM', '']) {
    await assert.rejects(openCiphertextForRecipient({ ciphertext, privateKey }), { code: 'X509_PEM' });
  }
});

test('no change of an answer does more than fail the one way or open to bytes', async () => {
  const { publicKey, privateKey } = recipient;
  const answer = await sealForRecipient({ publicKey, plaintext, pieceBytes: 16 });
  const { message } = await refused(new Uint8Array(0));
  const changes = fc.array(fc.tuple(fc.nat(answer.length - 1), fc.nat(255)), { minLength: 1, maxLength: 3 });
  await fc.assert(
    fc.asyncProperty(changes, async (list) => {
      const bent = Uint8Array.from(answer);
      for (const [at, byte] of list) bent[at] = byte;
      const outcome = await openCiphertextForRecipient({ ciphertext: bent, privateKey }).catch((error) => error);
      if (outcome instanceof Uint8Array) return;
      assert.ok(outcome instanceof VerificationError);
      assert.equal(outcome.message, message);
    }),
    { seed: 1, numRuns: laneFigure('T-K2') / 100 },
  );
});

// Answers that KMS and openssl made, and what was bent in them.
import assert from 'node:assert/strict';
import { createPrivateKey, createPublicKey } from 'node:crypto';
import { existsSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { test } from 'node:test';
import { parseBase64, toHex } from '@caisson/core/bytes';
import { openCiphertextForRecipient, parseRecipientEnvelope } from './index.ts';
import { keyIdOf, readOpeningKey } from './private-key.ts';

const file = join(import.meta.dirname, '../../../../../shared/vectors/kms/manifest.json');
const skip = !existsSync(file) && `no vectors at ${file}`;

interface Vector {
  readonly id: string;
  /** Base64. */
  readonly cms: string;
  readonly private_key_pem: string | null;
  readonly expect: { readonly ok: boolean; readonly plaintext_hex?: string };
  readonly parsed?: {
    readonly encrypted_key: string;
    readonly iv: string;
    readonly ciphertext: string;
    readonly ski: string;
  };
}

test('every vector opens or is refused as its manifest says', { skip }, async (context) => {
  const { vectors } = JSON.parse(readFileSync(file, 'utf8')) as { vectors: Vector[] };
  assert.ok(vectors.length >= 16, `${vectors.length} vectors`);
  for (const { id, cms, private_key_pem: privateKey, expect, parsed } of vectors) {
    await context.test(id, async () => {
      const ciphertext = parseBase64(cms);
      if (privateKey === null) {
        const { recipientKeyId, encryptedKey, iv, content } = parseRecipientEnvelope(ciphertext);
        assert.equal(toHex(recipientKeyId), parsed?.ski);
        assert.equal(toHex(encryptedKey), parsed?.encrypted_key);
        assert.equal(toHex(iv), parsed?.iv);
        assert.equal(toHex(content), parsed?.ciphertext);
        return;
      }
      const opened = openCiphertextForRecipient({ ciphertext, privateKey });
      if (expect.ok) assert.equal(toHex(await opened), expect.plaintext_hex);
      else await assert.rejects(opened, { name: 'VerificationError', code: 'KMS_ANSWER' });
    });
  }
});

test('a real answer names its recipient by SHA-256 of the SubjectPublicKeyInfo', { skip }, async () => {
  const { vectors } = JSON.parse(readFileSync(file, 'utf8')) as { vectors: Vector[] };
  const real = vectors.find(({ id, private_key_pem: key }) => id.startsWith('kms-real') && key !== null);
  const [pem, ciphertext] = [real?.private_key_pem ?? '', parseBase64(real?.cms ?? '')];
  const spki = createPublicKey(createPrivateKey(pem)).export({ type: 'spki', format: 'der' });
  const keyId = await keyIdOf(new Uint8Array(spki));
  assert.deepEqual((await readOpeningKey(pem)).keyId, keyId);
  assert.deepEqual(new Uint8Array(parseRecipientEnvelope(ciphertext).recipientKeyId), keyId);
});

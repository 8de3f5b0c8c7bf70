// T-K1 of the test plan, as far as an answer alone decides it: what a parent may put in its place. Swaps of key, region,
// account, context and operation are decided before an answer exists, by TLS that ends inside and by the request itself.
import assert from 'node:assert/strict';
import { before, test } from 'node:test';
import { toUtf8 } from '@caisson/core/bytes';
import { derOid, derSequence } from '@caisson/core/der';
import { laneFigure } from '@caisson/testkit/contract';
import { encryptContent, oaepAlgorithm, type SealTwist, sealForRecipient } from '@caisson/testkit/kms';
import { createRecipient, type KmsRecipient, openCiphertextForRecipient } from './index.ts';

let asking: KmsRecipient;
let earlier: KmsRecipient;
before(async () => {
  [asking, earlier] = await Promise.all([createRecipient(), createRecipient()]);
});

const algorithms: readonly SealTwist[] = [
  { keyAlgorithm: derSequence(derOid('1.2.840.113549.1.1.1')) },
  { keyAlgorithm: oaepAlgorithm('1.3.14.3.2.26') },
  { contentAlgorithm: derSequence(derOid('2.16.840.1.101.3.4.1.46')) },
  { contentType: derOid('1.2.840.113549.1.7.2') },
];

// Each class makes one bad answer for a message; all are made of what a parent has.
const classes: Readonly<Record<string, (plaintext: Uint8Array<ArrayBuffer>, round: number) => Promise<Uint8Array>>> = {
  'an answer to an earlier request': (plaintext) => sealForRecipient({ publicKey: earlier.publicKey, plaintext }),
  'an answer to an earlier request under this recipient’s name': (plaintext) =>
    sealForRecipient({
      publicKey: earlier.publicKey,
      plaintext,
      twist: { recipientKeyId: asking.recipientKeyId },
    }),
  'an answer for this key under another name': (plaintext, round) =>
    sealForRecipient({
      publicKey: asking.publicKey,
      plaintext,
      twist: { recipientKeyId: new Uint8Array(32).fill(round) },
    }),
  'another algorithm': (plaintext, round) =>
    sealForRecipient({ publicKey: asking.publicKey, plaintext, twist: algorithms[round % algorithms.length]! }),
  'content of another answer to the same recipient': async (plaintext, round) => {
    // Keys fixed by the round: a random pair would hold its padding once in 256.
    const [mine, other, iv] = [0x11, 0x22, 0x33].map((byte) =>
      new Uint8Array(byte === 0x33 ? 16 : 32).fill(byte + round),
    );
    const content = await encryptContent(other!, iv!, plaintext);
    return await sealForRecipient({
      publicKey: asking.publicKey,
      plaintext,
      contentKey: mine!,
      iv: iv!,
      twist: { content },
    });
  },
};

for (const [name, make] of Object.entries(classes)) {
  test(`refuses ${name}`, async () => {
    for (let round = 0; round < laneFigure('T-K1'); round += 1) {
      const ciphertext = await make(toUtf8(`data key ${round}`), round);
      const { privateKey, recipientKeyId } = asking;
      await assert.rejects(openCiphertextForRecipient({ ciphertext, privateKey, recipientKeyId }), {
        code: 'KMS_ANSWER',
      });
    }
  });
}

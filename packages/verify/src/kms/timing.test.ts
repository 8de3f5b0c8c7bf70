// T-K2 of the test plan: how long a refusal takes must not say whether OAEP or the padding failed. Welch's t over pairs in
// random order, as in dudect; the slowest tenth is the machine's and is left out of both alike.
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { toUtf8 } from '@caisson/core/bytes';
import { laneFigure } from '@caisson/testkit/contract';
import { encryptContent, sealForRecipient } from '@caisson/testkit/kms';
import { createRecipient, openCiphertextForRecipient } from './index.ts';

const pairs = laneFigure('T-K2-time');
const skip = pairs === 0 && 'timed in the deep lane only';
// Chosen by the test plan.
const threshold = 4.5;
const kept = 0.9;

test('OAEP that fails and padding that fails take the same time', { skip }, async (context) => {
  const { publicKey, privateKey, recipientKeyId } = await createRecipient();
  const [contentKey, iv] = [new Uint8Array(32).fill(1), new Uint8Array(16).fill(2)];
  const content = await encryptContent(contentKey, iv, toUtf8('a data key of thirty-two bytes..'));
  content[content.length - 17]! ^= 0x80;
  const badPadding = await sealForRecipient({
    publicKey,
    plaintext: new Uint8Array(0),
    contentKey,
    iv,
    twist: { content },
  });
  const encryptedKey = new Uint8Array(256).fill(0x5a);
  const badKey = await sealForRecipient({
    publicKey,
    plaintext: new Uint8Array(0),
    contentKey,
    iv,
    twist: { content, encryptedKey },
  });
  const timed = async (ciphertext: Uint8Array): Promise<number> => {
    const start = performance.now();
    const error = await openCiphertextForRecipient({ ciphertext, privateKey, recipientKeyId }).catch(
      (thrown) => thrown,
    );
    const elapsed = performance.now() - start;
    assert.equal(error.code, 'KMS_ANSWER');
    return elapsed;
  };
  const times: [number[], number[]] = [[], []];
  for (let round = -200; round < pairs; round += 1) {
    const first = Math.random() < 0.5 ? 0 : 1;
    for (const which of [first, 1 - first]) {
      const elapsed = await timed(which === 0 ? badKey : badPadding);
      if (round >= 0) times[which]!.push(elapsed);
    }
  }
  const t = welch(cropped(times[0]), cropped(times[1]));
  context.diagnostic(`|t| = ${Math.abs(t).toFixed(2)} over ${pairs} pairs`);
  assert.ok(Math.abs(t) < threshold, `|t| must be under ${threshold}, got ${Math.abs(t).toFixed(2)}`);
});

function cropped(values: readonly number[]): number[] {
  return values.toSorted((left, right) => left - right).slice(0, Math.ceil(values.length * kept));
}

function welch(left: readonly number[], right: readonly number[]): number {
  const [a, b] = [left, right].map((values) => {
    const mean = values.reduce((sum, value) => sum + value, 0) / values.length;
    const variance = values.reduce((sum, value) => sum + (value - mean) ** 2, 0) / (values.length - 1);
    return { mean, squaredError: variance / values.length };
  });
  return (a!.mean - b!.mean) / Math.sqrt(a!.squaredError + b!.squaredError);
}

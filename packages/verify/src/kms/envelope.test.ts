// The one shape, and the many that CMS would allow besides it.
import assert from 'node:assert/strict';
import { before, test } from 'node:test';
import { concatBytes, parseHex, toUtf8 } from '@caisson/core/bytes';
import { derElement, derOctets, derOid, derSequence } from '@caisson/core/der';
import { LimitError, ParseError } from '@caisson/core/errors';
import { laneFigure } from '@caisson/testkit/contract';
import { oaepAlgorithm, type SealTwist, sealForRecipient } from '@caisson/testkit/kms';
import fc from 'fast-check';
import { createRecipient, type KmsRecipient, parseRecipientEnvelope } from './index.ts';

const plaintext = toUtf8('a data key of thirty-two bytes..');
const sha256 = '2.16.840.1.101.3.4.2.1';
let recipient: KmsRecipient;
before(async () => {
  recipient = await createRecipient();
});

const sealed = (twist: SealTwist = {}, form: 'indefinite' | 'definite' = 'indefinite') =>
  sealForRecipient({ publicKey: recipient.publicKey, plaintext, form, pieceBytes: 16, twist });

function refuses(bytes: Uint8Array, pattern: RegExp, name = ''): void {
  assert.throws(
    () => parseRecipientEnvelope(bytes),
    (error) => {
      assert.ok(error instanceof ParseError && error.code === 'KMS_ENVELOPE', `${name}: ${error}`);
      assert.match(error.message, pattern, name);
      return true;
    },
  );
}

test('refuses every algorithm, version and type but those that KMS writes', async () => {
  const iv = derOctets(new Uint8Array(16));
  const twists: Readonly<Record<string, [SealTwist, RegExp]>> = {
    'signed data': [{ contentType: derOid('1.2.840.113549.1.7.2') }, /contentType must be the one that KMS writes/],
    'envelope version 0': [{ envelopeVersion: 0 }, /EnvelopedData version/],
    'envelope version 3': [{ envelopeVersion: 3 }, /EnvelopedData version/],
    'recipient version 0': [{ recipientVersion: 0 }, /recipientInfo version/],
    'RSA PKCS #1 v1.5': [{ keyAlgorithm: derSequence(derOid('1.2.840.113549.1.1.1')) }, /key encryption algorithm/],
    'OAEP with its default SHA-1': [
      { keyAlgorithm: derSequence(derOid('1.2.840.113549.1.1.7'), derSequence()) },
      /key encryption algorithm/,
    ],
    'OAEP with SHA-1 written out': [{ keyAlgorithm: oaepAlgorithm('1.3.14.3.2.26') }, /key encryption algorithm/],
    'OAEP with SHA-384': [{ keyAlgorithm: oaepAlgorithm('2.16.840.1.101.3.4.2.2') }, /key encryption algorithm/],
    'OAEP with a label': [{ keyAlgorithm: oaepAlgorithm(sha256, true, toUtf8('label')) }, /key encryption algorithm/],
    'no encrypted key': [{ encryptedKey: new Uint8Array(0) }, /encryptedKey must have 256 to 512 bytes, got 0/],
    'RSA-1024': [{ encryptedKey: new Uint8Array(128) }, /encryptedKey must have 256 to 512 bytes, got 128/],
    'RSA-8192': [{ encryptedKey: new Uint8Array(1024) }, /encryptedKey must have 256 to 512 bytes, got 1024/],
    'no recipient key identifier': [{ recipientKeyId: new Uint8Array(0) }, /identifier must have 1 to 64 bytes, got 0/],
    'a long key identifier': [{ recipientKeyId: new Uint8Array(65) }, /identifier must have 1 to 64 bytes, got 65/],
    'content that is enveloped again': [
      { innerType: derOid('1.2.840.113549.1.7.3') },
      /encryptedContentInfo contentType/,
    ],
    'AES-128-CBC': [
      { contentAlgorithm: derSequence(derOid('2.16.840.1.101.3.4.1.2'), iv) },
      /content encryption algorithm identifier/,
    ],
    'AES-256-GCM': [
      { contentAlgorithm: derSequence(derOid('2.16.840.1.101.3.4.1.46'), iv) },
      /content encryption algorithm identifier/,
    ],
    'an IV of 12 bytes': [
      { contentAlgorithm: derSequence(derOid('2.16.840.1.101.3.4.1.42'), derOctets(new Uint8Array(12))) },
      /initialization vector must have 16 bytes, got 12/,
    ],
    'no IV': [
      { contentAlgorithm: derSequence(derOid('2.16.840.1.101.3.4.1.42')) },
      /initialization vector must have tag/,
    ],
    'parameters after the IV': [
      { contentAlgorithm: derSequence(derOid('2.16.840.1.101.3.4.1.42'), iv, iv) },
      /content encryption algorithm must end/,
    ],
    'half a block': [{ content: new Uint8Array(17) }, /whole blocks of 16 bytes, got 17/],
    'no content': [{ content: new Uint8Array(0) }, /whole blocks of 16 bytes, got 0/],
    'unprotected attributes': [{ afterContent: derElement(0xa1) }, /EnvelopedData must end/],
    'a second recipient': [{ moreRecipients: [derSequence()] }, /recipientInfo/],
    'trailing bytes': [{ trailing: new Uint8Array(2) }, /text must end, got 2 more bytes/],
  };
  for (const [name, [twist, pattern]] of Object.entries(twists)) {
    for (const form of ['indefinite', 'definite'] as const) refuses(await sealed(twist, form), pattern, name);
  }
});

test('refuses a second recipient that is like the first', async () => {
  const one = await sealed({}, 'definite');
  const recipientAt = 30;
  const inner = one.subarray(recipientAt, recipientAt + 363);
  assert.equal(inner[0], 0x30, 'the recipient stands where this test takes it from');
  refuses(await sealed({ moreRecipients: [inner] }), /recipientInfos must end/);
});

test('every shorter answer, and every one with an end-of-contents too many, is refused', async () => {
  for (const form of ['indefinite', 'definite'] as const) {
    const answer = await sealed({}, form);
    for (let length = 0; length < answer.length; length += 1) refuses(answer.subarray(0, length), /./, `${length}`);
    refuses(concatBytes(answer, new Uint8Array(2)), /text must end/);
  }
});

test('lengths must be shortest and fit: none is believed beyond what encloses it', async () => {
  const answer = await sealed({}, 'definite');
  assert.equal(answer[1], 0x82);
  const withLength = (...octets: number[]) => concatBytes(Uint8Array.of(0x30, ...octets), answer.subarray(4));
  const shortest = answer.length - 4;
  const wrong = [
    [0x83, 0, shortest >> 8, shortest & 255],
    [0x84, 0, 0, shortest >> 8, shortest & 255],
    [0x88, 255, 255, 255, 255, 255, 255, 255, 255],
    [0xff],
    [0x82, 0xff, 0xff],
    [0x82, 0, 0x7f],
    [0x81, 0x7f],
    [0x7f],
  ];
  for (const octets of wrong)
    refuses(withLength(...octets), /ContentInfo must have a length|must end|must be|must have/);
  // An inner length that reaches past its parent but not past the input.
  const reaching = Uint8Array.from(answer);
  reaching[3]! -= 1;
  refuses(concatBytes(reaching), /must have a length in its shortest form that fits/);
});

test('content in constructed pieces of constructed pieces, or of indefinite length inside, is refused', async () => {
  const bomb = Array.from({ length: 8000 }, () => parseHex('2480'));
  const answer = await sealed();
  const at = answer.length - 10 - 3 * 18;
  assert.equal(answer[at], 0x04, 'the first piece stands where this test takes it from');
  refuses(concatBytes(answer.subarray(0, at), ...bomb).subarray(0, 16_000), /piece 0 must have tag 0x04/);
  refuses(concatBytes(answer.subarray(0, at), parseHex('0480'), answer.subarray(at)), /piece 0 must have 0 to 16384/);
});

test('an answer over 16 KiB is refused before it is read', () => {
  assert.throws(
    () => parseRecipientEnvelope(new Uint8Array(16_385)),
    (error) => {
      assert.ok(error instanceof LimitError);
      assert.match(error.message, /at most 16384 bytes, got 16385/);
      return true;
    },
  );
});

test('random bytes, and answers cut and joined at random, end in one of two errors or a whole envelope', async () => {
  const answers = await Promise.all([sealed(), sealed({}, 'definite')]);
  const piece = fc
    .tuple(fc.nat(1), fc.nat(600), fc.nat(600))
    .map(([which, from, to]) => answers[which]!.subarray(from, to));
  const spliced = fc.array(fc.oneof(piece, fc.uint8Array({ maxLength: 40 })), { maxLength: 6 });
  fc.assert(
    fc.property(spliced, (parts) => {
      try {
        const { encryptedKey, iv, content } = parseRecipientEnvelope(concatBytes(...parts));
        assert.ok(encryptedKey.length >= 256 && iv.length === 16 && content.length % 16 === 0);
      } catch (error) {
        assert.ok(error instanceof ParseError, String(error));
        assert.equal(error.code, 'KMS_ENVELOPE');
      }
    }),
    { seed: 1, numRuns: laneFigure('T-K2') },
  );
});

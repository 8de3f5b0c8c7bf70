// T-V4: signatures at the edges of P-384, in the manner of Wycheproof: r and s that random signatures never reach, values outside of
// their range that a lenient verifier reduces, and the second spelling that every ECDSA signature has. Each is made for a key of
// its own, recovered from the signature, and stands in a whole document.
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { concatBytes } from '@caisson/core/bytes';
import { encodeSigStructure } from '@caisson/core/cose';
import { derBitString, derOid, derSequence, derUnsigned } from '@caisson/core/der';
import { encodeEcdsaSignature, OID } from '@caisson/core/x509';
import {
  forgeChain,
  forgeDocument,
  liftX,
  multiply,
  type Point,
  p384,
  recoverKey,
  scalarBytes,
  scalarOf,
} from '@caisson/testkit/authority';
import { laneFigure } from '@caisson/testkit/contract';
import { VerificationError, verifyDocument } from './index.ts';

const at = 1_780_000_000;
const { n, p, g } = p384;
const raw = (r: bigint, s: bigint): Uint8Array => concatBytes(scalarBytes(r), scalarBytes(s));
const generator = (scalar: bigint): Point => multiply(scalar, g)!;

interface Edge {
  readonly rPoint: Point;
  readonly s: bigint;
  /** What is written instead of r and s. */
  readonly written?: readonly [r: bigint, s: bigint];
}

// A document signs over its own leaf, so a key recovered from its signature would change what was signed. A certificate does not hold its
// issuer's key: the leaf's signature is chosen, and the instance gets the key under which it holds.
async function leafSignedAs({ rPoint, s, written = [rPoint.x % n, s] }: Edge): Promise<string> {
  const { certificate, leafKey } = await forgeChain({ at });
  const tbs = tbsOf(certificate);
  const key = recoverKey(
    rPoint,
    s,
    scalarOf(new Uint8Array(await crypto.subtle.digest('SHA-384', Uint8Array.from(tbs)))),
  );
  assert.ok(key !== undefined, 'the recovered key must not be the point at infinity');
  const point = concatBytes(Uint8Array.of(4), scalarBytes(key.x), scalarBytes(key.y));
  const spki = derSequence(derSequence(derOid(OID.ecPublicKey), derOid(OID.secp384r1)), derBitString(point));
  const value = derSequence(...written.map((one) => derUnsigned(scalarBytes(one))));
  const leaf = derSequence(tbs, derSequence(derOid(OID.ecdsaWithSha384)), derBitString(value));
  const chain = await forgeChain({ at, bends: { 3: { spki } } });
  const document = await forgeDocument({ ...chain, certificate: leaf, leafKey }, { timestamp: at * 1000 });
  return verdict(document, chain.rootPem);
}

// The content of a certificate of 256 bytes or more: 30 82 llll, then 30 82 llll for the part that is signed.
function tbsOf(der: Uint8Array): Uint8Array {
  const length = (der[6]! << 8) | der[7]!;
  return der.subarray(4, 8 + length);
}

async function verdict(document: Uint8Array, rootPem: string): Promise<string> {
  try {
    await verifyDocument(document, { roots: [rootPem], at });
    return 'held';
  } catch (error) {
    assert.ok(error instanceof VerificationError, String(error));
    return error.class;
  }
}

// x in n..p-1 exists for one key in 2^194; such an x as R makes r = x - n small, and x itself a second, wrong, way to write r.
function xBeyondOrder(): Point {
  for (let x = n; x < p; x += 1n) {
    const point = liftX(x);
    if (point !== undefined && x > n) return point;
  }
  throw new Error('no such point');
}

test('T-V4: r and s at their edges hold when the mathematics says so', async () => {
  const cases: [string, Edge][] = [
    ['s = 1', { rPoint: generator(5n), s: 1n }],
    ['s = n - 1', { rPoint: generator(5n), s: n - 1n }],
    ['s = 2', { rPoint: generator(7n), s: 2n }],
    ['s just above half of n', { rPoint: generator(7n), s: (n + 1n) / 2n }],
    ['s of one byte and r of 48', { rPoint: generator(9n), s: 0x7fn }],
    ['s with its top bit set', { rPoint: generator(9n), s: 2n ** 383n }],
    ['R = G', { rPoint: g, s: 12_345n }],
    ['R = -G', { rPoint: { x: g.x, y: p - g.y }, s: 12_345n }],
    ['R = G / 2', { rPoint: generator((n + 1n) / 2n), s: 3n }],
    ['an r that is x - n, because x is not below n', { rPoint: xBeyondOrder(), s: 6n }],
  ];
  for (const [name, edge] of cases) assert.equal(await leafSignedAs(edge), 'held', name);
});

test('T-V4: an r of x that was not reduced modulo n is refused, though it fits into 48 bytes and is the point’s own x', async () => {
  const rPoint = xBeyondOrder();
  assert.equal(await leafSignedAs({ rPoint, s: 6n, written: [rPoint.x, 6n] }), 'CHAIN');
});

test('T-V4: an s with n added, the same modulo n and as long, is refused', async () => {
  const rPoint = generator(11n);
  assert.equal(await leafSignedAs({ rPoint, s: 2n }), 'held');
  assert.equal(await leafSignedAs({ rPoint, s: 2n, written: [rPoint.x % n, n + 2n] }), 'CHAIN');
});

test('T-V4: r and s that no signature has are refused in the envelope', async () => {
  const chain = await forgeChain({ at });
  const edges = [0n, 1n, 2n, n - 1n, n, n + 1n, p - 1n, p, p + 1n, 2n ** 384n - 1n, 2n ** 383n, (n + 1n) / 2n];
  const wrong: string[] = [];
  for (const r of edges) {
    for (const s of edges) {
      const document = await forgeDocument(chain, { timestamp: at * 1000 }, { signature: () => raw(r, s) });
      const got = await verdict(document, chain.rootPem);
      if (got !== 'SIG') wrong.push(`r ${r.toString(16)} s ${s.toString(16)}: ${got}`);
    }
  }
  assert.deepEqual(wrong, []);
});

test('T-V4: (r, n - s) holds as (r, s) does, which is why no hash of a document may stand for it', async () => {
  const chain = await forgeChain({ at });
  const twin = (signature: Uint8Array): Uint8Array =>
    raw(scalarOf(signature.subarray(0, 48)), n - scalarOf(signature.subarray(48)));
  const document = await forgeDocument(chain, { timestamp: at * 1000 }, { signature: twin });
  assert.equal(await verdict(document, chain.rootPem), 'held');
  const negative = await forgeDocument(
    chain,
    { timestamp: at * 1000 },
    {
      signature: (signature) => raw(n - scalarOf(signature.subarray(0, 48)), scalarOf(signature.subarray(48))),
    },
  );
  assert.equal(await verdict(negative, chain.rootPem), 'SIG');
});

test('T-V4: of random signatures each is accepted, and each of its other forms refused', async () => {
  const chain = await forgeChain({ at });
  const sound = { timestamp: at * 1000 };
  const rounds = Math.ceil(laneFigure('T-V4') / 6);
  for (let round = 0; round < rounds; round += 1) {
    const signed = (signature: (one: Uint8Array) => Uint8Array) => forgeDocument(chain, sound, { signature });
    const forms: [string, Uint8Array][] = [
      ['held', await signed((one) => one)],
      ['COSE', await signed((one) => encodeEcdsaSignature(one))],
      ['COSE', await signed((one) => concatBytes(Uint8Array.of(0), one))],
      ['SIG', await signed((one) => Uint8Array.from(one).reverse())],
      ['SIG', await signed((one) => concatBytes(one.subarray(0, 48), one.subarray(0, 48)))],
      [
        'SIG',
        await signed((one) => raw(scalarOf(one.subarray(0, 48)), (scalarOf(one.subarray(48)) + BigInt(round + 1)) % n)),
      ],
    ];
    for (const [expected, document] of forms) assert.equal(await verdict(document, chain.rootPem), expected);
  }
});

test('the Sig_structure is what RFC 9052 section 4.4 says, byte for byte', () => {
  const bytes = encodeSigStructure({ protectedHeader: Uint8Array.of(0xa0), payload: Uint8Array.of(1, 2) });
  assert.equal(Buffer.from(bytes).toString('hex'), '846a5369676e61747572653141a040420102');
});

// Ed25519 keys that everybody knows (RFC 8032 section 7.1, TEST 1 to 3), as signers of configs. Signatures are the same bytes every time, so
// documents may show them.
import { parseHex, toBase64, toHex } from '@caisson/core/bytes';
import { type SignedConfigContent, signConfig } from '@caisson/core/config';

export interface TestSigner {
  /** DER of its SubjectPublicKeyInfo. */
  readonly spki: Uint8Array<ArrayBuffer>;
  /** As measured files have it. */
  readonly spkiBase64: string;
  /** PEM-less PKCS#8 of the private key. */
  readonly pkcs8: Uint8Array<ArrayBuffer>;
  readonly spkiSha256: string;
  sign(content: SignedConfigContent): Promise<Uint8Array<ArrayBuffer>>;
}

// RFC 8410 section 7 and 10.3: the containers before the 32 bytes.
const pkcs8Prefix = '302e020100300506032b657004220420';
const spkiPrefix = '302a300506032b6570032100';
const pairs = [
  [
    '9d61b19deffd5a60ba844af492ec2cc44449c5697b326919703bac031cae7f60',
    'd75a980182b10ab7d54bfed3c964073a0ee172f3daa62325af021a68f707511a',
  ],
  [
    '4ccd089b28ff96da9db6c346ec114e0f5b8a319f35aba624da8cf6ed4fb8a6fb',
    '3d4017c3e843895a92b70aa74d1b7ebc9c982ccf2ec4968cc0cd55f12af4660c',
  ],
  [
    'c5aa8df43f9f837bedb7442f31dcb7b166d38535076f094b85ce3a2e0b4458f7',
    'fc51cd8e6218a1a38da47ed00230f0580816ed13ba3303ac5deb911548908025',
  ],
] as const;

export async function testSigner(index: 0 | 1 | 2): Promise<TestSigner> {
  const pkcs8 = parseHex(pkcs8Prefix + pairs[index][0]);
  const spki = parseHex(spkiPrefix + pairs[index][1]);
  const key = await crypto.subtle.importKey('pkcs8', pkcs8, 'Ed25519', false, ['sign']);
  return {
    spki,
    spkiBase64: toBase64(spki),
    pkcs8,
    spkiSha256: toHex(new Uint8Array(await crypto.subtle.digest('SHA-256', spki))),
    sign: (content) => signConfig(content, key, spki),
  };
}

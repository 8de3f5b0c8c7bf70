// A stand-in for AWS KMS on loopback: one key, Encrypt as a function, Decrypt over HTTPS for attested recipients only, under a key policy that is an
// attestation policy. It knows one account, whose credentials it makes, and holds requests to their signature. For trying things out; it protects nothing.
import { createCipheriv, createDecipheriv, generateKeyPairSync, randomBytes } from 'node:crypto';
import { createServer } from 'node:https';
import type { AddressInfo } from 'node:net';
import { derElement, derOctets, derOid, derSequence } from '@caisson/core/der';
import { encodeName, issueCertificate, OID, toPem } from '@caisson/core/x509';
import { sealForRecipient } from '@caisson/testkit/kms';
import { verifyByPolicy } from '@caisson/verify';
import type { AttestationPolicy } from '@caisson/verify/policy';
import { SignatureRefused, verifySignature } from './check-signature.ts';
import type { Credentials } from './src/sign-request.ts';

export interface StandIn {
  readonly port: number;
  /** Base64 of its certificate, for KMS_CA. */
  readonly ca: string;
  readonly keyArn: string;
  /** Of the one account that it knows: temporary ones, as a role has them. */
  readonly credentials: Required<Credentials>;
  /** Who gets plaintext; nobody before. */
  allow(policy: AttestationPolicy): void;
  /** As the owner of a secret does it, once: base64. */
  encrypt(plaintext: Uint8Array, context: Record<string, string>): string;
  /** What was answered, one line each. */
  readonly log: readonly string[];
  close(): Promise<void>;
}

const region = 'eu-central-1';
const keyArn = `arn:aws:kms:${region}:111122223333:key/0000`;
// Chosen.
const maxRequestBytes = 65_536;
const [nonceBytes, tagBytes] = [12, 16];

/** Listens on 127.0.0.1; `host` is the name that its certificate has. */
export async function startStandIn(host = 'localhost'): Promise<StandIn> {
  const key = randomBytes(32);
  const identity = await createIdentity(host);
  const credentials = {
    accessKeyId: `ASIA${randomBytes(8).toString('hex').toUpperCase()}`,
    secretAccessKey: randomBytes(30).toString('base64'),
    sessionToken: randomBytes(96).toString('base64'),
  };
  const log: string[] = [];
  let policy: AttestationPolicy | undefined;
  const server = createServer(identity, async (request, response) => {
    const reply = (status: number, body: object, word: string): void => {
      log.push(`${request.headers['x-amz-target']} ${word}`);
      response.writeHead(status, { 'content-type': 'application/x-amz-json-1.1' }).end(JSON.stringify(body));
    };
    try {
      const body = await readBody(request);
      const headers = Object.fromEntries(Object.entries(request.headers).map(([name, value]) => [name, String(value)]));
      const { method = '', url = '' } = request;
      verifySignature({ method, path: url, headers, body }, credentials, region, new Date());
      const asked = JSON.parse(body) as DecryptRequest;
      if (policy === undefined || asked.KeyId !== keyArn) throw new Error('no policy, or another key');
      const document = Buffer.from(asked.Recipient.AttestationDocument, 'base64');
      const { publicKey } = await verifyByPolicy(document, policy, {});
      const plaintext = open(key, Buffer.from(asked.CiphertextBlob, 'base64'), asked.EncryptionContext);
      const sealed = await sealForRecipient({
        publicKey: Uint8Array.from(publicKey!),
        plaintext: Uint8Array.from(plaintext),
      });
      reply(200, { KeyId: keyArn, CiphertextForRecipient: Buffer.from(sealed).toString('base64') }, 'allowed');
    } catch (error) {
      // KMS says no more than this either.
      const __type = error instanceof SignatureRefused ? error.name : 'AccessDeniedException';
      reply(400, { __type }, `denied: ${(error as Error).message}`);
    }
  });
  await new Promise<void>((resolve, reject) => {
    server.once('error', reject);
    server.listen(0, '127.0.0.1', resolve);
  });
  return {
    port: (server.address() as AddressInfo).port,
    ca: identity.der.toString('base64'),
    keyArn,
    log,
    credentials,
    allow(given) {
      policy = given;
    },
    encrypt: (plaintext, context) => seal(key, plaintext, context).toString('base64'),
    close: () =>
      new Promise((resolve) => {
        server.close(() => resolve());
        server.closeAllConnections();
      }),
  };
}

interface DecryptRequest {
  readonly CiphertextBlob: string;
  readonly KeyId: string;
  readonly EncryptionContext: Record<string, string>;
  readonly Recipient: { readonly AttestationDocument: string };
}

async function readBody(request: AsyncIterable<Buffer>): Promise<string> {
  const pieces: Buffer[] = [];
  let length = 0;
  for await (const piece of request) {
    length += piece.length;
    if (length > maxRequestBytes) throw new Error(`request must have at most ${maxRequestBytes} bytes`);
    pieces.push(piece);
  }
  return Buffer.concat(pieces).toString();
}

function seal(key: Buffer, plaintext: Uint8Array, context: Record<string, string>): Buffer {
  const nonce = randomBytes(nonceBytes);
  const cipher = createCipheriv('aes-256-gcm', key, nonce).setAAD(Buffer.from(JSON.stringify(context)));
  return Buffer.concat([nonce, cipher.update(plaintext), cipher.final(), cipher.getAuthTag()]);
}

function open(key: Buffer, blob: Buffer, context: Record<string, string>): Buffer {
  const decipher = createDecipheriv('aes-256-gcm', key, blob.subarray(0, nonceBytes), { authTagLength: tagBytes })
    .setAAD(Buffer.from(JSON.stringify(context)))
    .setAuthTag(blob.subarray(-tagBytes));
  return Buffer.concat([decipher.update(blob.subarray(nonceBytes, -tagBytes)), decipher.final()]);
}

/** Its own certificate, for a day. */
async function createIdentity(host: string): Promise<{ key: string; cert: string; der: Buffer }> {
  const { privateKey, publicKey } = generateKeyPairSync('ed25519');
  const name = encodeName([{ oid: OID.commonName, value: 'KMS stand-in' }]);
  // RFC 5280 4.2.1.6: dNSName is [2] IA5String.
  const alternative = derSequence(derElement(0x82, Buffer.from(host)));
  const now = Math.floor(Date.now() / 1_000);
  const certificate = await issueCertificate(
    {
      serial: Uint8Array.of(1),
      issuer: name,
      subject: name,
      notBefore: now - 60,
      notAfter: now + 86_400,
      publicKey: publicKey.export({ type: 'spki', format: 'der' }),
      extensions: [derSequence(derOid('2.5.29.17'), derOctets(alternative))],
    },
    privateKey.toCryptoKey('Ed25519', false, ['sign']),
  );
  const key = privateKey.export({ type: 'pkcs8', format: 'pem' }).toString();
  return { key, cert: toPem('CERTIFICATE', certificate), der: Buffer.from(certificate) };
}

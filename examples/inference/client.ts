// Outside: verifies the chain from a policy to an answer. The document is genuine and of the image; it binds a key and a model; the key signed a statement;
// the statement is about that image, that model and this very question.
import { createHash, createPublicKey, type KeyObject, verify } from 'node:crypto';
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import type { PolicySource } from '@caisson/verify/policy';
import { askAttested, askService, readCommandLine } from '../client/ask.ts';
import { type Statement, signedBytes, userDataOf } from './src/protocol.ts';

export interface KnownModel {
  readonly key: KeyObject;
  readonly pcr0: string;
  readonly modelSha384: string;
}

/** `modelSha384`: of the model that the client wants answers of. Rejects unless the image vouches for a key of exactly that model. */
export async function learnModel(url: string, policy: PolicySource, modelSha384: Buffer): Promise<KnownModel> {
  const { publicKey, userData, pcrs } = await askAttested(`${url}/document`, policy);
  if (publicKey === undefined || !userDataOf(modelSha384).equals(userData ?? new Uint8Array())) {
    throw new Error(`document must bind model ${modelSha384.toString('hex')}`);
  }
  const key = createPublicKey({ key: Buffer.from(publicKey), format: 'der', type: 'spki' });
  return { key, pcr0: pcrs[0]!, modelSha384: modelSha384.toString('hex') };
}

/** Rejects unless the statement is signed by the model's key and speaks of the model, its image and this text. */
export async function askModel(url: string, known: KnownModel, text: string): Promise<Statement> {
  const body = Buffer.from(text);
  return readAnswer((await askService(`${url}/guess`, body)).toString(), known, body);
}

/** Throws where `askModel` rejects. */
export function readAnswer(answer: string, { key, pcr0, modelSha384 }: KnownModel, body: Buffer): Statement {
  const { statement, signature } = JSON.parse(answer) as { statement: string; signature: string };
  if (!verify(null, signedBytes(statement), key, Buffer.from(signature, 'hex'))) {
    throw new Error('statement must be signed by the key of the document');
  }
  const said = JSON.parse(statement) as Statement;
  const requestSha384 = createHash('sha384').update(body).digest('hex');
  for (const [name, expected] of Object.entries({ v: 1, pcr0, modelSha384, requestSha384 })) {
    const seen = said[name as keyof Statement];
    if (seen !== expected) throw new Error(`statement must have ${name} ${expected}, got ${seen}`);
  }
  return said;
}

/** Of the file in this folder. A client that has no copy writes the hash down. */
export function hashOwnModel(): Buffer {
  return createHash('sha384')
    .update(readFileSync(join(import.meta.dirname, 'app/model.bin')))
    .digest();
}

if (import.meta.main) {
  const { url, policy, rest } = await readCommandLine('inference', 'http://127.0.0.1:8092');
  const known = await learnModel(url, policy, hashOwnModel());
  console.log(`image   PCR0 ${known.pcr0.slice(0, 16)}…, as the policy wants it`);
  console.log(`model   SHA-384 ${known.modelSha384.slice(0, 16)}…, bound to the key by the document`);
  for (const text of rest.length > 0
    ? rest
    : ['guten morgen zusammen', 'where is the station', 'buenas noches a todos']) {
    const { label, share } = await askModel(url, known, text);
    console.log(`answer  ${label} (${share}) for ${JSON.stringify(text)}, signed for this question`);
  }
}

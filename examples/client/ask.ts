// What the clients of these examples have in common: an answer within bounds, and a document that is held to a policy before a word of it is believed.
import { randomBytes } from 'node:crypto';
import { findPolicy } from '@caisson/host/operator';
import { readPolicyFile } from '@caisson/host/policy';
import { type VerifiedAttestation, verifyAttestation } from '@caisson/verify';
import type { PolicySource } from '@caisson/verify/policy';

// Chosen.
const maxBytes = 262_144;
const timeoutMs = 10_000;

/** Rejects on any status but 200. */
export async function askService(url: string, body?: Uint8Array): Promise<Buffer> {
  const method = body === undefined ? 'GET' : 'POST';
  const sent = body === undefined ? {} : { body: Buffer.from(body) };
  const response = await fetch(url, { method, ...sent, redirect: 'error', signal: AbortSignal.timeout(timeoutMs) });
  const pieces: Uint8Array[] = [];
  let size = 0;
  // Counted as they come: whoever answers decides how many there are.
  for await (const piece of response.body ?? []) {
    size += piece.length;
    if (size > maxBytes) throw new Error(`answer of ${url} must have at most ${maxBytes} bytes`);
    pieces.push(piece);
  }
  const bytes = Buffer.concat(pieces);
  if (response.status !== 200) throw new Error(`${url} answered ${response.status}: ${bytes.toString().trim()}`);
  return bytes;
}

/** Asks `url` with a fresh nonce; rejects with VerificationError unless the answer is what the policy wants, for this nonce. */
export async function askAttested(url: string, policy: PolicySource): Promise<VerifiedAttestation> {
  const nonce = randomBytes(32);
  const document = await askService(`${url}?nonce=${nonce.toString('hex')}`);
  return await verifyAttestation(document, { ...policy, nonce });
}

/** `[URL] [--policy FILE]`: without a file, the policy that `caisson up` wrote for an enclave of this user on this machine. */
export async function readCommandLine(
  name: string,
  standardUrl: string,
): Promise<{ url: string; policy: PolicySource; rest: readonly string[] }> {
  const words = process.argv.slice(2);
  const at = words.indexOf('--policy');
  const file = at < 0 ? undefined : words.splice(at, 2)[1];
  const url = words[0]?.startsWith('http') ? words.shift()! : standardUrl;
  const found = file === undefined ? await findPolicy({ env: process.env, enclave: name }) : undefined;
  const policy = found?.policy ?? (await readPolicyFile(file!));
  if (policy.backend !== 'nitro') console.log(`SIMULATED: ${policy.backend}; nothing here proves hardware`);
  return { url, policy, rest: words };
}

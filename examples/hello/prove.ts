// What a client on this machine can find out about the enclave: that it serves, that it is the image which was built here, and that a document which was
// changed, or is of another image, does not pass.
import { Agent, get } from 'node:http';
import { attest, fetchDocument, VerificationError, type WebAttestation } from '@caisson/verify';
import type { PolicySource } from '@caisson/verify/policy';

export interface Traffic {
  readonly requests: number;
  readonly seconds: number;
  readonly p50Ms: number;
  readonly p99Ms: number;
}

export interface Proof {
  readonly attested: WebAttestation;
  /** Class of the refusal. */
  readonly flipped: string;
  readonly otherImage: string;
}

/** Over a few connections; rejects at the first answer that is not the page. */
export async function sendRequests(url: string, requests: number, connections: number): Promise<Traffic> {
  const agent = new Agent({ keepAlive: true, maxSockets: connections });
  const times: number[] = [];
  const startedAt = performance.now();
  let sent = 0;
  await Promise.all(
    Array.from({ length: connections }, async () => {
      while (sent < requests) {
        sent += 1;
        const begunAt = performance.now();
        const page = await getText(url, agent);
        if (!page.includes('Hello from inside'))
          throw new Error(`${url} must answer with its page, got ${page.slice(0, 60)}`);
        times.push(performance.now() - begunAt);
      }
    }),
  );
  const seconds = (performance.now() - startedAt) / 1_000;
  agent.destroy();
  times.sort((left, right) => left - right);
  const at = (share: number): number => times[Math.min(times.length - 1, Math.floor(times.length * share))] ?? 0;
  return { requests: times.length, seconds, p50Ms: at(0.5), p99Ms: at(0.99) };
}

/** Rejects unless the true document holds, and unless both of the others are refused. */
export async function proveEnclave(endpoint: string, policy: PolicySource): Promise<Proof> {
  const attested = await attest(endpoint, policy);
  const flipped = await refusalOf(
    attest(endpoint, policy, {
      async get(url, limits) {
        const answer = await fetchDocument(url, limits);
        const body = answer.body.slice();
        body[body.length - 1]! ^= 1;
        return { ...answer, body };
      },
    }),
  );
  const otherImage = await refusalOf(attest(endpoint, { ...policy, pcrs: { ...policy.pcrs, 0: 'ab'.repeat(48) } }));
  return { attested, flipped, otherImage };
}

async function refusalOf(attested: Promise<unknown>): Promise<string> {
  try {
    await attested;
  } catch (error) {
    if (error instanceof VerificationError) return error.class;
    throw error;
  }
  throw new Error('a document that must be refused was taken');
}

function getText(url: string, agent: Agent): Promise<string> {
  return new Promise((resolve, reject) => {
    const asked = get(url, { agent, timeout: 10_000 }, async (response) => {
      try {
        let text = '';
        for await (const chunk of response) text += chunk;
        if (response.statusCode === 200) resolve(text);
        else reject(new Error(`${url} must answer 200, got ${response.statusCode}`));
      } catch (error) {
        reject(error);
      }
    });
    asked.on('timeout', () => asked.destroy(new Error(`${url} must answer within 10 s`))).on('error', reject);
  });
}

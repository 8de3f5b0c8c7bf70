// The requests: a closed loop over a few keep-alive connections, each answer checked, each latency kept.
import { Agent, get } from 'node:http';

export interface LoadResult {
  readonly requests: number;
  readonly failures: readonly string[];
  readonly seconds: number;
  readonly p50Ms: number;
  readonly p99Ms: number;
}

/** Sends `requests` requests over `connections` connections; an answer that `check` throws on is a failure. */
export async function sendRequests(options: {
  readonly port: number;
  readonly requests: number;
  readonly connections: number;
  readonly check: (body: string) => void;
}): Promise<LoadResult> {
  const agent = new Agent({ keepAlive: true, maxSockets: options.connections });
  const latencies: number[] = [];
  const failures: string[] = [];
  let sent = 0;
  const started = performance.now();
  const worker = async (): Promise<void> => {
    while (sent < options.requests) {
      sent += 1;
      const begun = performance.now();
      try {
        options.check((await fetchBytes(options.port, '/', agent)).toString('utf8'));
      } catch (error) {
        failures.push(error instanceof Error ? error.message : String(error));
      }
      latencies.push(performance.now() - begun);
    }
  };
  await Promise.all(Array.from({ length: options.connections }, worker));
  const seconds = (performance.now() - started) / 1000;
  agent.destroy();
  latencies.sort((left, right) => left - right);
  const at = (share: number): number =>
    latencies[Math.min(latencies.length - 1, Math.floor(latencies.length * share))] ?? 0;
  return { requests: options.requests, failures, seconds, p50Ms: at(0.5), p99Ms: at(0.99) };
}

/** One GET; rejects on any status but 200, on more than 1 MiB, and after 10 s. */
export function fetchBytes(port: number, path: string, agent?: Agent): Promise<Buffer> {
  return new Promise((resolve, reject) => {
    const request = get(
      { host: '127.0.0.1', port, path, timeout: 10_000, ...(agent && { agent }) },
      async (response) => {
        const chunks: Buffer[] = [];
        let length = 0;
        try {
          for await (const chunk of response as AsyncIterable<Buffer>) {
            length += chunk.length;
            if (length > 1_048_576) throw new Error(`answer is longer than 1048576 bytes`);
            chunks.push(chunk);
          }
        } catch (error) {
          reject(error);
          return;
        }
        const body = Buffer.concat(chunks);
        if (response.statusCode === 200) resolve(body);
        else reject(new Error(`status ${response.statusCode}: ${body.toString('utf8').trim().slice(0, 200)}`));
      },
    );
    request.on('timeout', () => request.destroy(new Error('no answer within 10 s')));
    request.on('error', reject);
  });
}

// The parent's side as argonaut's users run it: one config file, `caisson host CID FILE`, HTTP in on a TCP port of this machine.
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import type { Caisson } from './caisson.ts';
import { type LongChild, startLong } from './child.ts';
import { programWords } from './home.ts';
import type { Launched } from './launch.ts';

export interface HostSide extends LongChild {
  /** The bytes that the enclave must have got. */
  readonly config: string;
}

export interface HostSideOptions {
  readonly caisson: Caisson;
  readonly folder: string;
  readonly enclave: Launched;
  readonly httpPort: number;
  readonly httpVsockPort: number;
  readonly endpoints: readonly object[];
  readonly maxConnections: number;
}

export function startHostSide(options: HostSideOptions): HostSide {
  const { caisson, folder, enclave, httpPort, httpVsockPort, endpoints, maxConnections } = options;
  // The application listens where the bridge inside dials: one number for both, as argonaut's scripts have it.
  const ports = { httpPort, httpVsockPort, httpTcpPort: httpVsockPort };
  const config = `${JSON.stringify({ schemaVersion: 'v0.1', ...ports, endpoints, marker: enclave.name }, undefined, 2)}\n`;
  const file = join(folder, 'config.json');
  writeFileSync(file, config);
  const env = {
    ...caisson.env,
    CAISSON_VSOCK: enclave.vsock,
    ARGONAUT_HTTP_BIND_ADDR: '127.0.0.1',
    ARGONAUT_MAX_CONNECTIONS: String(maxConnections),
  };
  // Raw on 7777 is what is to be shown.
  const words = [...programWords(), 'host', String(enclave.cid), file, '--raw'];
  const child = startLong(words, env, join(folder, 'host.log'));
  return Object.assign(child, { config });
}

// Chosen.
const answerMs = 60_000;

/** Resolves with the first answer at `path` that comes through the bridge. */
export async function untilAnswers(host: HostSide, port: number, path: string, stop: AbortSignal): Promise<Buffer> {
  const end = performance.now() + answerMs;
  for (;;) {
    try {
      return await ask(port, path, stop);
    } catch (error) {
      stop.throwIfAborted();
      if (host.hasEnded) throw new Error('caisson host has ended; host.log says why');
      if (performance.now() > end) throw error;
    }
    await sleep(200, undefined, { signal: stop });
  }
}

// Chosen: what is asked for is a few KiB, unless a caller knows better.
const standardBytes = 1024 * 1024;

/** One answer over the inbound bridge. */
export async function ask(port: number, path: string, stop: AbortSignal, maxBytes = standardBytes): Promise<Buffer> {
  const signal = AbortSignal.any([stop, AbortSignal.timeout(20_000)]);
  const response = await fetch(`http://127.0.0.1:${port}${path}`, { signal, headers: { connection: 'close' } });
  const pieces: Uint8Array[] = [];
  let size = 0;
  for await (const bytes of response.body ?? []) {
    size += bytes.length;
    if (size > maxBytes) throw new Error(`${path} answered more than ${maxBytes} bytes`);
    pieces.push(bytes);
  }
  const body = Buffer.concat(pieces);
  if (response.status !== 200) throw new Error(`${path} answered ${response.status}: ${body.toString().slice(0, 300)}`);
  return body;
}

// `npm start`: the same command lines that a person would type, in their order. `caisson up` builds, starts and verifies; the verifier page is served from
// here; Ctrl-C is `caisson down`. With --once it asks, proves and ends.
import { type SpawnOptions, spawn } from 'node:child_process';
import { once } from 'node:events';
import { join } from 'node:path';
import { parseArgs, styleText } from 'node:util';
import { CaissonError } from '@caisson/core/errors';
import { isLocked, stateFolder, withLock } from '@caisson/host/file';
import { findPolicy } from '@caisson/host/operator';
import { openStateFolder } from '@caisson/host/record';
import { openShim } from '@caisson/host/shim';
import type { PolicySource } from '@caisson/verify/policy';
import { choosePort } from '../client/choose-port.ts';
import { proveEnclave, sendRequests } from './prove.ts';
import { serveVerifier } from './verifier/serve.ts';

const root = join(import.meta.dirname, '../..');
const program = join(root, 'packages/cli/bin/caisson.js');
const composeFile = join(import.meta.dirname, 'caisson.yaml');
const name = 'hello';
const [requests, connections] = [1_000, 8];

/** `words`: `--once`, `--port N` (0: any free one). Resolves with the exit code. */
export async function runHello(words: readonly string[]): Promise<number> {
  const flags = parseFlags(words);
  if (typeof flags === 'number') return flags;
  const state = stateFolder(process.env);
  const lock = join(state, 'start.lock');
  // Two of them would take one enclave from each other, with two ports in turn.
  if (await isLocked(lock)) return tellRuns();
  const port = await choosePort(flags.port).catch((error: Error) => error);
  if (port instanceof Error) {
    console.error(`start: ${port.message}`);
    return 1;
  }
  let isMine = false;
  const serve = (): Promise<number> => {
    isMine = true;
    return serveHello(port, flags.once);
  };
  try {
    await openStateFolder(state);
    return await withLock(lock, serve, { timeoutMs: 1 });
  } catch (error) {
    if (!isMine && error instanceof CaissonError && error.code === 'FILE_LOCKED') return tellRuns();
    console.error(`start: ${error instanceof Error ? error.message : error}`);
    return 1;
  }
}

const usage = 'npm start -- [--once] [--port N]';

/** Or the exit code. */
function parseFlags(words: readonly string[]): { readonly once: boolean; readonly port: string } | number {
  try {
    const { help, ...flags } = parseArgs({
      args: [...words],
      options: {
        once: { type: 'boolean', default: false },
        port: { type: 'string', default: '8080' },
        help: { type: 'boolean', default: false },
      },
    }).values;
    if (!help) return flags;
    console.log(usage);
    return 0;
  } catch (error) {
    console.error(`start: ${(error as Error).message}\n  hint: ${usage}`);
    return 64;
  }
}

function tellRuns(): number {
  console.error(`start: npm start runs here already; Ctrl-C there ends it, and so does: npx caisson down ${name}`);
  return 1;
}

async function serveHello(port: number, isOnce: boolean): Promise<number> {
  const stop = new AbortController();
  for (const signal of ['SIGINT', 'SIGTERM', 'SIGHUP'] as const) process.on(signal, () => stop.abort(signal));
  // A terminal that is closed takes what would be said with it, and nothing else.
  for (const stream of [process.stdout, process.stderr]) stream.on('error', () => {});
  const stopped = new Promise<void>((resolve) => stop.signal.addEventListener('abort', () => resolve()));
  const env = { ...process.env, HELLO_PORT: String(port) };
  try {
    const up = await runCaisson(['up', '--backend', 'sim', '-f', composeFile], env, stop.signal);
    if (up !== 0 || stop.signal.aborted) return stop.signal.aborted ? 130 : up;
    const url = `http://127.0.0.1:${port}/`;
    const endpoint = `${url}.well-known/attestation`;
    // What `up` wrote: the measurements of the image that it built, and the root of this machine's simulator.
    const { policy, source } = await findPolicy({ env, enclave: name, folder: '/' });
    if (isOnce) return await runOnce(url, endpoint, policy);
    const verifier = await serveNear(port + 1, endpoint, policy);
    tell([
      ['the enclave', url],
      ['the verifier', `${verifier.url}   this machine's own page: green, or red`],
      ['its policy', source],
      ['look inside', 'npx caisson ps, caisson logs hello, caisson exec hello -- ps'],
      ['end', 'Ctrl-C'],
    ]);
    try {
      await Promise.race([stopped, endOfEnclave(stop.signal)]);
    } finally {
      await verifier.close();
    }
    return stop.signal.aborted ? 0 : 1;
  } catch (error) {
    console.error(`start: ${error instanceof Error ? error.message : error}`);
    return 1;
  } finally {
    await runCaisson(['down', '-f', composeFile], env, undefined, stop.signal.reason === 'SIGHUP');
  }
}

async function runOnce(url: string, endpoint: string, policy: PolicySource): Promise<number> {
  const traffic = await sendRequests(url, requests, connections);
  const { attested, flipped, otherImage } = await proveEnclave(endpoint, policy);
  tell([
    ['requests', `${traffic.requests}, 0 failed, ${Math.round(traffic.requests / traffic.seconds)} a second`],
    ['latency', `p50 ${traffic.p50Ms.toFixed(2)} ms, p99 ${traffic.p99Ms.toFixed(2)} ms`],
    ['module id', attested.moduleId],
    ...[0, 1, 2].map((index) => [`PCR${index}`, `${attested.pcrs[index]}`] as const),
    ['', 'equal to those of the image that was built here'],
    ['one bit flipped', `refused (${flipped})`],
    ['another image', `refused (${otherImage})`],
    ['bound', `${attested.bound}: plain HTTP shows no key of the connection`],
  ]);
  console.log('\nEverything held. SIMULATED: the root above proves nothing about hardware.');
  return 0;
}

/** Beside the enclave's port where that is free. */
async function serveNear(port: number, endpoint: string, policy: PolicySource) {
  return await serveVerifier({ port, endpoint, policy }).catch(() => serveVerifier({ port: 0, endpoint, policy }));
}

/** Resolves when somebody else ended it, `caisson down` in another terminal for one. */
async function endOfEnclave(signal: AbortSignal): Promise<void> {
  const shim = await openShim(stateFolder(process.env), name);
  if (shim === undefined) return;
  try {
    // Its events end with it.
    for await (const _ of shim.events({ follow: true, signal }));
    if (!signal.aborted) console.error(`start: enclave ${name} has ended`);
  } catch {
    // The connection went, and the enclave with it.
  } finally {
    await shim.close();
  }
}

/** In a process group of its own: a Ctrl-C of the terminal reaches this program alone, which tells `up` once and `down` never. */
async function runCaisson(
  words: readonly string[],
  env: NodeJS.ProcessEnv,
  signal?: AbortSignal,
  isHungUp = false,
): Promise<number> {
  // What would write to a terminal that has gone would end of it, in the middle of what it does.
  const shown = isHungUp ? 'ignore' : 'inherit';
  const terms: SpawnOptions = { stdio: ['ignore', shown, shown], env, detached: true };
  const child = spawn(process.execPath, [program, ...words], terms);
  const tell = (): void => void child.kill('SIGINT');
  signal?.addEventListener('abort', tell, { once: true });
  try {
    const [code] = (await once(child, 'exit')) as [number | null];
    return code ?? 130;
  } finally {
    signal?.removeEventListener('abort', tell);
  }
}

function tell(rows: readonly (readonly [name: string, value: string])[]): void {
  const isTerminal = process.stdout.isTTY === true;
  const width = Math.max(...rows.map(([title]) => title.length));
  console.log('');
  for (const [title, value] of rows) {
    const padded = title.padEnd(width);
    console.log(`  ${isTerminal ? styleText('dim', padded) : padded}  ${value}`);
  }
}

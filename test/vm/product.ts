// What a user does with an enclave, for the tests that boot one: the host program's commands as they are typed, an image from a folder
// of files, the ready line as it comes, and `agent`, a service that runs what it is asked to inside and tells how it went.
import assert from 'node:assert/strict';
import { once } from 'node:events';
import { mkdirSync, writeFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { hostPort, toVsockPort } from '@caisson/core/address';
import { ensureRuntime } from '@caisson/host/runtime';
import { parseReadyLine, type SeenMessage } from '@caisson/link/ready';
import { emulatedCmdline } from '@caisson/testkit/backend';
import { hear } from '@caisson/testkit/program';
import { run } from '../../packages/cli/src/run.ts';
import { type Enclave, skip as noRig, rigFile, within } from './rig.ts';

const runtime = noRig ? null : await ensureRuntime().catch((error: Error) => error);
/** For the `skip` of a test that builds images. */
export const productSkip =
  noRig || (runtime instanceof Error && `SKIPPED, NOTHING WAS BOOTED: no runtime archive (${runtime.message})`);

export interface Outcome {
  readonly status: number;
  readonly stdout: string;
  readonly stderr: string;
}

/** The host program in this process, with the vsock of `enclave` where one is given. */
export async function caisson(
  words: readonly string[],
  { enclave, input = '' }: { enclave?: Enclave; input?: string | Uint8Array } = {},
): Promise<Outcome> {
  const wall = enclave === undefined ? {} : { CAISSON_VSOCK: `hybrid:${enclave.cid}=${enclave.path}` };
  const { code, out, err } = await hear(run, words, { stdin: input, env: { ...process.env, ...wall } });
  return { status: code, stdout: out, stderr: err };
}

/** Builds `files` with the rig's kernel and returns the image's path. */
export async function buildProduct(folder: string, files: Readonly<Record<string, string>>): Promise<string> {
  const source = join(folder, 'source');
  for (const [name, text] of Object.entries(files)) {
    mkdirSync(dirname(join(source, name)), { recursive: true });
    writeFileSync(join(source, name), text);
  }
  const image = join(folder, 'app.eif');
  const { status, stderr } = await caisson([
    'build',
    source,
    '-o',
    image,
    '--kernel',
    rigFile('out/bzImage'),
    '--cmdline',
    emulatedCmdline,
  ]);
  assert.equal(status, 0, stderr);
  return image;
}

export interface HeardLine {
  readonly said: readonly SeenMessage[];
  /** Each phase once for as long as it lasts. */
  phases(): readonly string[];
  /** Resolves with the first message that is that; rejects after two minutes. */
  heard(what: string, is: (message: SeenMessage) => boolean): Promise<SeenMessage>;
  close(): Promise<void>;
}

export async function hearLine({ cid, parent, console }: Enclave): Promise<HeardLine> {
  const said: SeenMessage[] = [];
  const waiting = new Set<() => void>();
  const listener = await parent.listen({ cid: parent.localCid, port: hostPort(cid, 0) }, { peerCid: cid }, (socket) => {
    let text = '';
    socket.on('error', () => {});
    socket.on('data', (bytes: Buffer) => {
      text += bytes.toString();
      const lines = text.split('\n');
      text = lines.pop() ?? '';
      for (const line of lines) said.push(parseReadyLine(Buffer.from(line)));
      for (const look of waiting) look();
    });
    socket.on('end', () => socket.end());
  });
  return {
    said,
    phases: () =>
      said.flatMap((one) => (one.kind === 'state' ? [one.phase] : [])).filter((one, at, all) => one !== all[at - 1]),
    async heard(what, is) {
      const { promise, resolve } = Promise.withResolvers<SeenMessage>();
      const look = (): void => {
        const found = said.find(is);
        if (found !== undefined) resolve(found);
      };
      waiting.add(look);
      look();
      try {
        return await within(120_000, what, promise);
      } catch (error) {
        throw new Error(`${(error as Error).message}; heard ${JSON.stringify(said)}; console:\n${console()}`);
      } finally {
        waiting.delete(look);
      }
    },
    close: () => listener.close(),
  };
}

/** One HTTP request over vsock; resolves with the body. */
export async function askHttp({ cid, parent, console }: Enclave, port: number, body = ''): Promise<string> {
  const socket = await parent.connect({ cid, port: toVsockPort(port) }, { timeoutMs: 60_000 });
  let text = '';
  socket.on('error', () => {}).on('data', (bytes: Buffer) => (text += bytes.toString()));
  const length = Buffer.byteLength(body);
  socket.write(`POST / HTTP/1.1\r\nHost: x\r\nConnection: close\r\nContent-Length: ${length}\r\n\r\n${body}`);
  await within(120_000, `an answer on port ${port}`, once(socket, 'end')).finally(() => socket.destroy());
  const end = text.indexOf('\r\n\r\n');
  assert.match(text, /^HTTP\/1.1 200 OK\r\n/, `${text}\n${console()}`);
  return text.slice(end + 4);
}

/** What agent is asked: run a program, with these words on its standard input, as this user. */
export interface AgentRequest {
  readonly argv: readonly string[];
  readonly input?: string;
  readonly uid?: number;
}

export interface AgentAnswer {
  readonly status: number | null;
  readonly signal: string | null;
  readonly stdout: string;
  readonly stderr: string;
}

/**
 * A service on TCP port 8100: answers with what a program that it was asked to run did. Most are node once more, whose start is half compiling.
 */
export const agentText = `
const { spawn } = require('node:child_process');
require('node:http').createServer((ask, answer) => {
  let text = '';
  ask.on('data', (bytes) => (text += bytes));
  ask.on('end', () => {
    const { argv: [program, ...words], input = '', uid } = JSON.parse(text);
    const child = spawn(program, words, { uid, env: { ...process.env, NODE_COMPILE_CACHE: '/tmp/compiled' } });
    const said = { stdout: '', stderr: '' };
    for (const name of ['stdout', 'stderr']) child[name].on('data', (bytes) => (said[name] += bytes));
    child.on('error', (error) => answer.end(JSON.stringify({ status: null, signal: null, stdout: '', stderr: error.message })));
    child.on('close', (status, signal) => answer.end(JSON.stringify({ status, signal, ...said })));
    child.stdin.on('error', () => {}).end(input);
  });
}).listen(8100, '127.0.0.1');
`;

export async function askAgent(enclave: Enclave, port: number, request: AgentRequest): Promise<AgentAnswer> {
  return JSON.parse(await askHttp(enclave, port, JSON.stringify(request))) as AgentAnswer;
}

/**
 * Begins when it is called; the function that it returns gives what has passed since then without what others took of the processors meanwhile:
 * the milliseconds on the clock, or those that the virtual machine was busy, whichever is less. `slowdown`: how much longer the clock says.
 */
export function startTimer(enclave: Enclave): () => { readonly ownMs: number; readonly slowdown: number } {
  const [clock, busy] = [performance.now(), enclave.busyMs()];
  return () => {
    const clockMs = performance.now() - clock;
    const ownMs = Math.min(clockMs, enclave.busyMs() - busy);
    return { ownMs: Math.round(ownMs), slowdown: clockMs / ownMs };
  };
}

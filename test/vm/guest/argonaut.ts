// The enclave side of argonaut's smoke path, as an application's init runs it: `config recv`, `enclave` and `nsm` of the
// production bundle, each a process of its own. Speaks plain TCP on loopback only; what is beyond is the bridges' matter.
import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { readFileSync } from 'node:fs';
import { createServer } from 'node:http';
import { connect } from 'node:net';
import { createInterface } from 'node:readline';
import { setTimeout as pause } from 'node:timers/promises';
import { report } from './report.ts';

const bundle = '/app/caisson-enclave.mjs';

await report(async () => {
  const config = await receiveConfig();
  const bridges = start('enclave');
  bridges.stdin!.end(config);
  const hosts = await awaitHostsBlock(bridges);
  const answers = await askNsm([
    '1 RND',
    `2 ATT ${hex('key')} ${hex('nonce')} ${hex('data')}`,
    '{"id":"3","method":"RND"}',
  ]);
  const echo = await exchange(9443, 'hello from inside');
  const { requests } = await serveOnce();
  return { config, hosts, answers, echo, requests };
});

function start(...words: string[]): ChildProcess {
  return spawn(process.execPath, [bundle, ...words], { stdio: ['pipe', 'pipe', 'inherit'] });
}

async function receiveConfig(): Promise<string> {
  const receiver = start('config', 'recv', '7777');
  const [text, [code]] = await Promise.all([textOf(receiver.stdout!), once(receiver, 'close')]);
  if (code !== 0) throw new Error(`config recv ended with ${code}`);
  return text;
}

async function awaitHostsBlock(bridges: ChildProcess): Promise<string> {
  for (let round = 0; round < 200; round += 1) {
    const hosts = readFileSync('/etc/hosts', 'utf8');
    if (hosts.includes('# argonaut end')) return hosts;
    if (bridges.exitCode !== null)
      throw new Error(`enclave ended with ${bridges.exitCode} before it wrote the hosts block`);
    await pause(50);
  }
  throw new Error('no hosts block after 10 s');
}

async function askNsm(lines: readonly string[]): Promise<string[]> {
  const nsm = start('nsm');
  nsm.stdin!.end(`${lines.join('\n')}\n`);
  const answers: string[] = [];
  for await (const line of createInterface({ input: nsm.stdout! })) answers.push(line);
  return answers;
}

/**
 * The hosts block stands a moment before the listeners inside do, and `host` on the parent opens its own after it has sent the
 * config: until then a connection is refused, or closed without a byte.
 */
async function exchange(port: number, text: string): Promise<string> {
  let fault: unknown;
  for (let round = 0; round < 100; round += 1) {
    const socket = connect({ host: '127.0.0.1', port, allowHalfOpen: true });
    try {
      socket.end(text);
      const answer = await textOf(socket);
      if (answer !== '') return answer;
    } catch (error) {
      fault = error;
    }
    await pause(50);
  }
  throw new Error(`no answer from 127.0.0.1:${port} in 100 tries`, { cause: fault });
}

/** An HTTP server until somebody has asked for /last; resolves with the paths that were asked for. */
async function serveOnce(): Promise<{ requests: string[] }> {
  const requests: string[] = [];
  const server = createServer((request, response) => {
    requests.push(request.url ?? '');
    response.setHeader('connection', 'close').end(`inside says ${request.url}`);
  }).listen(3000, '127.0.0.1');
  while (!requests.includes('/last')) await once(server, 'request');
  server.close();
  await once(server, 'close');
  return { requests };
}

async function textOf(stream: NodeJS.ReadableStream): Promise<string> {
  let text = '';
  for await (const chunk of stream) text += String(chunk);
  return text;
}

function hex(text: string): string {
  return Buffer.from(text).toString('hex');
}

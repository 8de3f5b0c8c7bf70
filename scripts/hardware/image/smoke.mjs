// The application of the smoke image: answers over the inbound bridge what is asked about the inside, one path for each check.
//   /config                        the config as it came        /hosts      the hosts file
//   /nsm?publicKey&nonce&userData  what `nsm` answers to an RND and an ATT, one line each
//   /outbound?text                 what comes back through the outbound bridge
import { spawn } from 'node:child_process';
import { readFileSync } from 'node:fs';
import { createServer } from 'node:http';
import { connect } from 'node:net';
import { startBridges } from './bridges.mjs';

const started = startBridges();
const answers = {
  '/config': async () => started,
  '/hosts': async () => readFileSync('/etc/hosts'),
  '/nsm': askNsm,
  '/outbound': async ({ text }) => exchange(JSON.parse(await started).endpoints[0], text),
};
createServer(async (ask, answer) => {
  const { pathname, searchParams } = new URL(ask.url, 'http://inside');
  try {
    const found = answers[pathname];
    if (found === undefined) throw new Error(`nothing is at ${pathname}`);
    answer.end(await found(Object.fromEntries(searchParams)));
  } catch (error) {
    answer.statusCode = 500;
    answer.end(error.message);
  }
}).listen(Number(process.env.PORT), '127.0.0.1');
await started;

async function askNsm({ publicKey, nonce, userData }) {
  const nsm = spawn('/usr/bin/argonaut', ['nsm'], { stdio: ['pipe', 'pipe', 'inherit'] });
  const attest = JSON.stringify({ id: 'att', method: 'ATT', publicKey, nonce, userData });
  nsm.stdin.end(`rnd RND\n${attest}\n`);
  return textOf(nsm.stdout);
}

// The way out is connected when its far side is: a first try may come too early.
async function exchange({ localIP, localPort }, text) {
  const end = performance.now() + 10_000;
  for (;;) {
    const socket = connect({ host: localIP, port: localPort, allowHalfOpen: true });
    try {
      socket.end(text);
      const answer = await textOf(socket);
      if (answer !== '') return answer;
    } catch (error) {
      if (performance.now() > end) throw error;
    }
    if (performance.now() > end) throw new Error('nothing came back in 10 s');
    await new Promise((resolve) => setTimeout(resolve, 100));
  }
}

async function textOf(stream) {
  let text = '';
  for await (const chunk of stream) text += chunk;
  return text;
}

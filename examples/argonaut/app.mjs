// The application inside the enclave: plain Node, no vsock in sight. It answers HTTP on loopback, reaches the outside by a host
// name that the managed hosts block points at a loopback address, and asks the NSM for a document by argonaut's line protocol.
//   GET /                     a greeting that carries what the upstream said
//   GET /attestation?nonce=HEX   the raw attestation document
import { spawn } from 'node:child_process';
import { readFileSync } from 'node:fs';
import { Agent, createServer, get } from 'node:http';
import { createInterface } from 'node:readline';

const { CONFIG_FILE, HOSTS_FILE, NODE, BUNDLE } = process.env;
const config = JSON.parse(readFileSync(CONFIG_FILE, 'utf8'));
const [endpoint] = config.endpoints;
const agent = new Agent({ keepAlive: true, maxSockets: 32 });

createServer(async (request, response) => {
  const url = new URL(request.url, 'http://enclave');
  try {
    if (url.pathname === '/attestation') {
      response.setHeader('content-type', 'application/cbor');
      response.end(await attest(url.searchParams.get('nonce') ?? ''));
    } else {
      const answer = await upstream();
      response.setHeader('content-type', 'application/json');
      response.end(JSON.stringify({ greeting: config.greeting, upstream: answer }));
    }
  } catch (error) {
    response.statusCode = 502;
    response.end(`${error.message}\n`);
  }
}).listen(config.httpTcpPort, '127.0.0.1');

function upstream() {
  const options = {
    host: addressOf(endpoint.host),
    port: endpoint.localPort,
    headers: { host: endpoint.host },
    agent,
    timeout: 5000,
  };
  return new Promise((resolve, reject) => {
    get(options, async (response) => {
      let text = '';
      for await (const chunk of response) text += chunk;
      resolve(JSON.parse(text));
    })
      .on('timeout', function () {
        this.destroy(new Error('upstream did not answer in 5 s'));
      })
      .on('error', reject);
  });
}

// The hosts block is what the C library would read in /etc/hosts; a simulation keeps its own file instead of the machine's.
// Its upstream is called localhost, the one name that every laptop resolves, so only the managed block may answer for it.
function addressOf(host) {
  const [, block = ''] = readFileSync(HOSTS_FILE, 'utf8').split('# argonaut begin\n');
  const line = block.split('\n').find((text) => text.split(/\s+/).includes(host));
  if (line === undefined) throw new Error(`${host} is not in ${HOSTS_FILE}`);
  return line.split(/\s+/)[0];
}

// One `nsm` process for the life of the application; request ids tell the answers apart.
let asked = 0;
const waiting = new Map();
const nsm = spawn(NODE, [BUNDLE, 'nsm'], { stdio: ['pipe', 'pipe', 'inherit'] });
createInterface({ input: nsm.stdout }).on('line', (line) => {
  const answer = JSON.parse(line);
  waiting.get(answer.id)?.(answer);
  waiting.delete(answer.id);
});

async function attest(nonce) {
  asked += 1;
  const id = `doc-${asked}`;
  const answered = new Promise((resolve) => waiting.set(id, resolve));
  // A public key is what argonaut's protocol always wants in a document; a real application puts its TLS key here.
  nsm.stdin.write(`${JSON.stringify({ id, method: 'ATT', publicKey: '00'.repeat(32), nonce })}\n`);
  const answer = await answered;
  if (!answer.ok) throw new Error(`NSM refused: ${answer.error}`);
  return Buffer.from(answer.data, 'hex');
}

// What a caisson.yaml asks for beside the image, on a real enclave in the simulator: a boot config of argonaut's with nothing beside it, logs in a file, and
// an enclave that falls and comes back under another CID, known by name and by CID.
import { deepEqual, equal, match, ok } from 'node:assert/strict';
import { once } from 'node:events';
import { mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { createServer, get, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, before, test } from 'node:test';
import { assertFitsSchema } from '@caisson/testkit/contract';
import { freePort } from '@caisson/testkit/loopback';
import { programSkip as skip, startProgram, termsIn } from '../scenario/engine/program.ts';

// Short, because sockets lie in it.
const folder = mkdtempSync(join(tmpdir(), 'caisson-as-'));
const at = (name: string): string => join(folder, name);
if (skip) console.error(`asked: SKIPPED, NOTHING WAS STARTED: ${skip}`);
const options = { skip, timeout: 120_000 };
const terms = termsIn(folder);
const caisson = (...words: readonly string[]) => startProgram(words, terms).ended;

const app = `
import { createServer, get } from 'node:http';
createServer((_, answer) => {
  get({ host: '127.0.0.90', port: 8443 }, (far) => far.pipe(answer)).on('error', (error) => answer.end(error.message));
}).listen(3000, '127.0.0.1');
`;

let upstream: Server;
let httpPort: number;
before(async () => {
  if (skip !== false) return;
  upstream = createServer((_, answer) => answer.end('from upstream')).listen(0, '127.0.0.1');
  await once(upstream, 'listening');
  httpPort = await freePort();
  const { port: tcpPort } = upstream.address() as AddressInfo;
  const endpoint = { host: '127.0.0.1', vsockPort: 8100, tcpPort, localPort: 8443, localIP: '127.0.0.90' };
  const config = { httpPort, httpVsockPort: 3000, httpTcpPort: 3000, endpoints: [endpoint] };
  mkdirSync(at('app'));
  writeFileSync(at('app/main.mjs'), app);
  writeFileSync(
    at('caisson.yaml'),
    `name: web
image: { source: ./app }
profile: development
cmd: node main.mjs
components: [ready, control, network]
operators: { local: dev }
ready: { tcp: 3000 }
resources: { memoryMiB: 448 }
restart: always
logs: { file: web.log }
config: ${JSON.stringify(config)}
`,
  );
});
after(async () => {
  if (skip === false) await caisson('down', '--all');
  upstream?.close();
  rmSync(folder, { recursive: true });
});

async function ask(): Promise<string> {
  const [answer] = await once(get({ port: httpPort }), 'response');
  let text = '';
  for await (const piece of answer) text += piece;
  return text;
}

interface State {
  readonly phase: string;
  readonly cid: number;
  readonly restarts: number;
}

const state = (): State => JSON.parse(readFileSync(at('s/enclaves/web/state.json'), 'utf8')) as State;
const policies = (): string[] =>
  readdirSync(at('config/caisson/policies')).filter((name) => /^[0-9]+\.yaml$/.test(name));

test('up alone opens both ways of an argonaut config, and its enclave is verified by name', options, async () => {
  const up = await caisson('up');
  equal(up.code, 0, up.err);
  match(up.err, /its boot config leads out to 127\.0\.0\.1:\d+ by vsock port 8100/);
  equal(await ask(), 'from upstream');
  const verified = await caisson('attest', 'verify', 'web', '--json');
  equal(verified.code, 0, verified.err);
  assertFitsSchema(JSON.parse(verified.out), 'attest-verify');
  const other = await caisson('attest', 'verify', 'web', '--pcr', `0=${'ab'.repeat(48)}`);
  deepEqual([other.code, /^REFUSED \(PCR\)$/m.test(other.out)], [2, true]);
});

test(
  'one that falls and comes back is reached by its new CID, and the policy of the old one is gone',
  options,
  async () => {
    const { cid } = state();
    deepEqual(policies(), [`${cid}.yaml`]);
    await startProgram(['--enclave', 'web', 'reboot'], terms, 'initctl').ended;
    const until = Date.now() + 60_000;
    while (!(state().restarts > 0 && state().phase === 'ready') && Date.now() < until) await caisson('ps');
    const now = state();
    deepEqual([now.phase, now.cid === cid], ['ready', false]);
    deepEqual(policies(), [`${now.cid}.yaml`]);
    equal((await caisson('attest', 'verify', String(now.cid))).code, 0);
    equal((await caisson('attest', 'verify', String(cid))).code, 64);
    equal(await ask(), 'from upstream');
  },
);

test('logs.file has the life of the enclave as log lines', options, async () => {
  const lines = readFileSync(at('web.log'), 'utf8')
    .trimEnd()
    .split('\n')
    .map((line) => JSON.parse(line) as { readonly code: string; readonly enclave: string; readonly service?: string });
  ok(lines.every(({ enclave }) => enclave === 'web'));
  ok(lines.some(({ service }) => service === 'console'));
  equal(lines.filter(({ code }) => code === 'ENCLAVE_HEARTBEAT').length, 2);
});

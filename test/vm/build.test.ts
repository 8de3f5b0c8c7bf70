// Images built by `caisson build` from a folder, an OCI layout and a docker archive boot as real enclaves, and the NSM in them reports
// exactly the measurements that `caisson image measure` gives.
import assert from 'node:assert/strict';
import { execFileSync } from 'node:child_process';
import { once } from 'node:events';
import { copyFileSync, mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { PassThrough } from 'node:stream';
import { after, before, test } from 'node:test';
import { type Cid, toVsockPort } from '@caisson/core/address';
import { measureImage } from '@caisson/host/image';
import { waitUntilReady } from '@caisson/host/ready';
import { ensureRuntime, openRuntime } from '@caisson/host/runtime';
import type { Transport } from '@caisson/link/transport';
import { emulatedCmdline } from '@caisson/testkit/backend';
import { createTestImage, dockerArchive, layer, type TestImage, writeLayout } from '@caisson/testkit/oci';
import { run } from '../../packages/cli/src/run.ts';
import { hearReport } from './hear.ts';
import { bundleGuest } from './image.ts';
import { bootEnclave, skip as noRig, rigFile, within } from './rig.ts';

const root = join(import.meta.dirname, '../..');
const addon = join(root, `packages/sys/build/linux-${process.arch}/caisson.node`);
const runtime = noRig ? null : await ensureRuntime().catch((error: Error) => error);
const skip =
  noRig || (runtime instanceof Error && `SKIPPED, NOTHING WAS BOOTED: no runtime archive (${runtime.message})`);

let folder: string;
const at = (path: string): string => join(folder, path);
let guest: string;
before(async () => {
  if (skip) return;
  folder = mkdtempSync(join(tmpdir(), 'caisson-vm-build-'));
  guest = await bundleGuest('measure');
  mkdirSync(at('app'));
  writeFileSync(at('app/package.json'), '{"main":"guest.mjs"}');
  writeFileSync(at('app/guest.mjs'), guest);
  copyFileSync(addon, at('app/caisson.node'));
});
after(() => !skip && rmSync(folder, { recursive: true }));

async function build(source: string, ...words: readonly string[]): Promise<string> {
  const stderr = new PassThrough();
  const output = at(`${source}.eif`);
  const line = [
    'build',
    at(source),
    '-o',
    output,
    '--kernel',
    rigFile('out/bzImage'),
    '--cmdline',
    emulatedCmdline,
    ...words,
  ];
  const status = await run(line, {
    stdin: new PassThrough(),
    stdout: new PassThrough(),
    stderr,
    env: process.env,
    name: 'caisson',
    stop: new AbortController().signal,
    onReload: () => {},
  });
  assert.equal(status, 0, String(stderr.read()));
  return output;
}

interface Measured {
  readonly pcrs: readonly string[];
  /** PCR8: zeros where nobody signed. */
  readonly signer: string;
  readonly environment: Readonly<Record<string, string>>;
}

async function bootAndCompare(image: string, cid: number): Promise<Measured> {
  const enclave = await bootEnclave({ image, cid });
  try {
    const seen = await hearReport<Measured>(enclave);
    const { PCR0, PCR1, PCR2, PCR8 = '0'.repeat(96) } = await measureImage(image);
    assert.deepEqual([...seen.pcrs, seen.signer], [PCR0, PCR1, PCR2, PCR8]);
    assert.equal(await enclave.exit, 0);
    return seen;
  } finally {
    await enclave.close();
  }
}

/** A container with a node of its own: two layers, of which the upper one takes a file away. */
async function createContainer(): Promise<TestImage> {
  const opened = await openRuntime(runtime as string, { profile: 'production' });
  const files: { path: string; content: Buffer }[] = [];
  for (const [path, entry] of opened.tree) {
    if (entry.kind !== 'file') continue;
    const pieces: Uint8Array[] = [];
    for await (const piece of entry.content.open()) pieces.push(piece.slice());
    const name = path.slice(path.lastIndexOf('/') + 1);
    const place = name === 'node' ? 'bin/node' : name.startsWith('ld-') ? `lib64/${name}` : `usr/lib/${name}`;
    files.push({ path: place, content: Buffer.concat(pieces) });
  }
  await opened.close();
  const file = ({ path, content }: { path: string; content: Buffer }) =>
    ({ path, kind: 'file', mode: 0o755, content }) as const;
  const lower = layer(...files.map(file), file({ path: 'app/gone', content: Buffer.from('x') }));
  const upper = layer(
    file({ path: 'app/guest.mjs', content: Buffer.from(guest) }),
    file({ path: 'app/caisson.node', content: readFileSync(addon) }),
    file({ path: 'app/.wh.gone', content: Buffer.alloc(0) }),
  );
  const config = { Entrypoint: ['/bin/node'], Cmd: ['/app/guest.mjs'], Env: ['PATH=/bin', 'FROM=container'] };
  return createTestImage([lower, upper], { compression: 'plain', config });
}

test('a signed image boots with the measurement of its certificate in PCR8', { skip }, async () => {
  const ec = ['-newkey', 'ec', '-pkeyopt', 'ec_paramgen_curve:P-384', '-subj', '/CN=signer', '-days', '2', '-nodes'];
  const [key, certificate] = [at('sign.key'), at('sign.pem')];
  execFileSync('openssl', ['req', '-new', '-x509', ...ec, '-keyout', key, '-out', certificate], { stdio: 'pipe' });
  const signing = ['--sign', key, '--cert', certificate];
  const { signer, environment } = await bootAndCompare(
    await build('app', '--init', 'plain', ...signing, '--', 'node', '/app/guest.mjs'),
    24,
  );
  assert.doesNotMatch(signer, /^0+$/);
  assert.equal(environment['HOME'], '/');
});

test('an OCI layout and a docker archive of one container boot, and are one image', { skip }, async () => {
  const container = await createContainer();
  await writeLayout(at('layout'), { '': container });
  writeFileSync(at('docker.tar'), dockerArchive({ 'name:1': container }));
  const [one, other] = [await build('layout', '--init', 'plain'), await build('docker.tar', '--init', 'plain')];
  // The same bytes: what is true of one in an enclave is true of the other.
  assert.ok(readFileSync(one).equals(readFileSync(other)));
  assert.equal((await bootAndCompare(other, 22)).environment['FROM'], 'container');
});

test('a folder with a caisson.yaml boots with the supervisor, becomes ready, and is reached by its ingress', {
  skip,
  timeout: 300_000,
}, async () => {
  mkdirSync(at('service'));
  writeFileSync(at('service/package.json'), '{"main":"main.js"}');
  writeFileSync(
    at('service/caisson.yaml'),
    'name: hello\nenv: { WHO: enclave }\ningress: ["9000:8080"]\nservices: { app: "ReadyPort = 8080" }\n',
  );
  writeFileSync(at('service/main.js'), serviceText);
  const enclave = await bootEnclave({ image: await build('service'), cid: 23 });
  const { cid, parent: transport } = enclave;
  try {
    await waitUntilReady({ cid, transport, deadlineMs: 120_000, intervalMs: 200 });
    const text = await ask(transport, cid);
    assert.match(text, /^HTTP\/1.1 200 OK\r\n[\s\S]*enclave in \/app$/);
    assert.equal(await enclave.exit, 7, enclave.console());
  } finally {
    await enclave.close();
  }
});

/** Answers once, and ends when the answer is out. */
const serviceText = `
const server = require('node:http').createServer((ask, answer) => {
  answer.end(process.env.WHO + ' in ' + process.cwd(), () => setTimeout(() => process.exit(7), 200));
});
server.listen(8080, '127.0.0.1');
`;

async function ask(transport: Transport, cid: Cid): Promise<string> {
  const socket = await transport.connect({ cid, port: toVsockPort(8080) }, { timeoutMs: 60_000 });
  let text = '';
  socket.on('error', () => {}).on('data', (bytes: Buffer) => (text += bytes.toString()));
  socket.write('GET / HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n');
  await within(120_000, 'the answer', once(socket, 'end')).finally(() => socket.destroy());
  return text;
}

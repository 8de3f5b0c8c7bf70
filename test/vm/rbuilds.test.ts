// An image made by rbuilds from a plain Dockerfile boots as a real enclave: its service is reached by the port that EXPOSE lists, /apps has the
// names that work, and the words of services are in /apps/.logs.
import assert from 'node:assert/strict';
import { once } from 'node:events';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { PassThrough } from 'node:stream';
import { after, before, test } from 'node:test';
import { toVsockPort } from '@caisson/core/address';
import { waitUntilReady } from '@caisson/host/ready';
import { ensureRuntime } from '@caisson/host/runtime';
import { runRbuilds } from '../../packages/cli/src/rbuilds-session.ts';
import { bootEnclave, skip as noRig, rigFile, within } from './rig.ts';

const runtime = noRig ? null : await ensureRuntime().catch((error: Error) => error);
const skip =
  noRig || (runtime instanceof Error && `SKIPPED, NOTHING WAS BOOTED: no runtime archive (${runtime.message})`);

let folder: string;
const at = (path: string): string => join(folder, path);
before(() => {
  folder = mkdtempSync(join(tmpdir(), 'caisson-vm-rbuilds-'));
});
after(() => rmSync(folder, { recursive: true }));

const library = '/usr/lib/caisson/runtime/lib';
const command = [
  `${library}/ld-linux-x86-64.so.2`,
  '--library-path',
  library,
  '/usr/lib/caisson/runtime/bin/node',
  '/srv/main.mjs',
];
const dockerfile = `FROM scratch
COPY main.mjs /srv/
EXPOSE 8080
CMD ${JSON.stringify(command)}
`;
/** Answers once, and ends when the answer has been heard. */
const program = `
import { execFile } from 'node:child_process';
import { readdirSync, readFileSync } from 'node:fs';
import { createServer } from 'node:net';
console.log('a word of the service');
createServer((socket) => {
  socket.on('error', () => {});
  // The probe of readiness comes without a word.
  socket.once('data', () => {
    execFile('/apps/initctl', ['--json', 'list'], (error, stdout, stderr) => {
      const log = readdirSync('/apps/.logs').map((name) => readFileSync('/apps/.logs/' + name, 'utf8')).join('');
      const init = readFileSync('/apps/.config/init.yaml', 'utf8');
      // Not before the far side has all of it: the enclave goes down with the service.
      socket.on('close', () => process.exit(9));
      socket.end(JSON.stringify({ error: error && error.message + stderr, stdout, log, init }));
    });
  });
}).listen(8080, '127.0.0.1');
`;

test('an image of rbuilds boots, is reached by the port that EXPOSE lists, and has its /apps', {
  skip,
  timeout: 300_000,
}, async () => {
  writeFileSync(at('x.dockerfile'), dockerfile);
  writeFileSync(at('main.mjs'), program);
  writeFileSync(at('caisson.yaml'), 'name: x\nservices: { app: "ReadyPort = 8080" }\n');
  const stderr = new PassThrough();
  const words = ['--kernel', rigFile('out/bzImage'), '--rev-net', 'x.dockerfile', '--cmd', 'make_eif'];
  const code = await runRbuilds(
    words,
    {
      stdin: new PassThrough(),
      stdout: new PassThrough(),
      stderr,
      env: process.env,
      name: 'rbuilds',
      stop: new AbortController().signal,
      onReload: () => {},
    },
    { folder },
  );
  assert.equal(code, 0, String(stderr.read()));
  const enclave = await bootEnclave({ image: at('eif/app-builder-secure-enclaves-framework.eif'), cid: 24 });
  const { cid, parent: transport } = enclave;
  try {
    await waitUntilReady({ cid, transport, deadlineMs: 120_000, intervalMs: 200 });
    const socket = await transport.connect({ cid, port: toVsockPort(8080) }, { timeoutMs: 60_000 });
    let text = '';
    socket.on('error', () => {}).on('data', (bytes: Buffer) => (text += bytes.toString()));
    socket.write('ask\n');
    await within(120_000, 'the answer', once(socket, 'end')).finally(() => socket.destroy());
    const seen = JSON.parse(text) as { error: string | null; stdout: string; log: string; init: string };
    assert.equal(seen.error, null);
    assert.match(seen.stdout, /"app"/);
    assert.match(seen.log, /a word of the service/);
    assert.equal(seen.init, 'log_dir: /apps/.logs\n');
    assert.equal(await enclave.exit, 9, enclave.console());
  } finally {
    await enclave.close();
  }
});

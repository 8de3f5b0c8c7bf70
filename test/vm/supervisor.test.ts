// An image of three services with requirements, built by `caisson build`, as a real enclave: our PID 1 is process 1, our supervisor brings
// them up in order, one crashes and comes back, and a word over the control socket ends it all.
import { deepEqual, equal, ok } from 'node:assert/strict';
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { PassThrough } from 'node:stream';
import { test } from 'node:test';
import { hostPort } from '@caisson/core/address';
import { ensureRuntime } from '@caisson/host/runtime';
import { parseReadyLine, type SeenMessage } from '@caisson/link/ready';
import { run } from '../../packages/cli/src/run.ts';
import { bootEnclave, skip as noRig, rigFile } from './rig.ts';

const runtime = noRig ? null : await ensureRuntime().catch((error: Error) => error);
const skip =
  noRig || (runtime instanceof Error && `SKIPPED, NOTHING WAS BOOTED: no runtime archive (${runtime.message})`);

const files: Readonly<Record<string, string>> = {
  'caisson.yaml': 'name: trio\n',
  'service/db.service': 'ExecStart = "/usr/bin/node /app/db.js"\nReadyFile = "/run/db"\n',
  'service/api.service': 'ExecStart = "/usr/bin/node /app/api.js"\nRequires = ["db"]\nReadyPort = 8081\n',
  'service/page.service':
    'ExecStart = "/usr/bin/node /app/page.js"\nRequires = ["api"]\nRestart = "on-failure"\nReadyFile = "/run/page"\n',
  'db.js': "setTimeout(() => require('node:fs').writeFileSync('/run/db', ''), 100); setInterval(() => {}, 1e6);",
  'api.js': `require('node:fs').accessSync('/run/db');
    require('node:net').createServer().listen(8081, '127.0.0.1');`,
  // It crashes once after it was ready; the second time it ends the enclave over the control socket, a second after it came back.
  'page.js': `const fs = require('node:fs');
    const isFirst = !fs.existsSync('/run/crashed');
    fs.writeFileSync('/run/page', '');
    if (isFirst) setTimeout(() => { fs.writeFileSync('/run/crashed', ''); fs.rmSync('/run/page'); process.exit(3); }, 500);
    else setTimeout(() => require('node:net').connect('/run/init.sock').end('"SystemShutdown"\\n'), 1000);
    setInterval(() => {}, 1e6);`,
};

async function buildTrio(folder: string): Promise<string> {
  const source = join(folder, 'trio');
  mkdirSync(join(source, 'service'), { recursive: true });
  for (const [name, text] of Object.entries(files)) writeFileSync(join(source, name), text);
  const stderr = new PassThrough();
  const output = join(folder, 'trio.eif');
  const status = await run(['build', source, '-o', output, '--kernel', rigFile('out/bzImage')], {
    ...{ stdin: new PassThrough(), stdout: new PassThrough(), stderr, env: process.env, name: 'caisson' },
    stop: new AbortController().signal,
    onReload: () => {},
  });
  equal(status, 0, String(stderr.read()));
  return output;
}

test('three services with requirements are ready within 3 s, one crashes and comes back, and control ends the enclave with 0', {
  skip,
  timeout: 120_000,
}, async (context) => {
  const folder = mkdtempSync(join(tmpdir(), 'caisson-vm-trio-'));
  context.after(() => rmSync(folder, { recursive: true }));
  const enclave = await bootEnclave({ image: await buildTrio(folder), cid: 41 });
  const said: SeenMessage[] = [];
  try {
    const { cid, parent } = enclave;
    const line = await parent.listen({ cid: parent.localCid, port: hostPort(cid, 0) }, { peerCid: cid }, (socket) => {
      let text = '';
      socket.on('error', () => {});
      socket.on('data', (bytes: Buffer) => {
        text += bytes.toString();
        const lines = text.split('\n');
        text = lines.pop() ?? '';
        for (const one of lines) said.push(parseReadyLine(Buffer.from(one)));
      });
      socket.on('end', () => socket.end());
    });
    equal(await enclave.exit, 0, enclave.console());
    await line.close();
  } finally {
    await enclave.close();
  }
  const states = said.flatMap((one) => (one.kind === 'state' ? [one] : []));
  const phases = states.map(({ phase }) => phase).filter((phase, at, all) => phase !== all[at - 1]);
  deepEqual(phases.slice(phases.indexOf('ready')), ['ready', 'degraded', 'ready', 'stopping'], JSON.stringify(said));
  const readyMs = states.find(({ phase }) => phase === 'ready')?.uptimeMs ?? Number.NaN;
  context.diagnostic(`ready ${readyMs} ms after the supervisor began`);
  ok(readyMs <= 3_000);
  const fallen = states.find(({ phase }) => phase === 'degraded');
  deepEqual(fallen?.reasons, [{ code: 'service-exited', service: 'page', exit: 3 }]);
  deepEqual(said.at(-1), { kind: 'final', exit: 0, code: 'stopped' });
});

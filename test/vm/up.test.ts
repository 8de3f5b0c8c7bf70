// `caisson up --backend qemu` with examples/hello, as a person types it: its own kernel, a real NSM device and AF_VSOCK inside, and the same proof as everywhere.
import { deepEqual, equal, match } from 'node:assert/strict';
import { mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { test } from 'node:test';
import { findPolicy } from '@caisson/host/operator';
import { freePort } from '@caisson/testkit/loopback';
import { proveEnclave } from '../../examples/hello/prove.ts';
import { imageSkip } from '../scenario/backend/image.ts';
import { startProgram } from '../scenario/engine/program.ts';
import { skip as noRig, rigFile } from './rig.ts';

const root = join(import.meta.dirname, '../..');

test('up boots hello in QEMU to ready and verified; its document holds over HTTP, exec reaches it, down leaves nothing', {
  skip: noRig || imageSkip,
  timeout: 180_000,
}, async (context) => {
  const folder = mkdtempSync(join(tmpdir(), 'caisson-up-'));
  context.after(() => rmSync(folder, { recursive: true, force: true }));
  const port = await freePort();
  const env = {
    ...process.env,
    CAISSON_STATE: join(folder, 'state'),
    XDG_CONFIG_HOME: join(folder, 'config'),
    CAISSON_QEMU: rigFile('out'),
    HELLO_PORT: String(port),
  };
  const caisson = (...words: string[]) => startProgram(words, { env }).ended;
  // The example's own file, with the rig's kernel instead of the one that this machine may have made.
  const text = readFileSync(join(root, 'examples/hello/caisson.yaml'), 'utf8');
  const image = `image: { source: ${join(root, 'examples/hello/app')}, kernel: ${rigFile('out/bzImage')} }`;
  const file = join(folder, 'caisson.yaml');
  writeFileSync(file, text.replace('image: ./app', image));

  const up = await caisson('up', '--backend', 'qemu', '-f', file);
  try {
    equal(up.code, 0, up.all);
    match(up.all, /hello {2}READY {2}qemu/);
    match(up.all, /VERIFIED \(SIMULATED\)/);
    const { policy } = await findPolicy({ env, enclave: 'hello', folder: '/' });
    const endpoint = `http://127.0.0.1:${port}/.well-known/attestation`;
    const { attested, flipped, otherImage } = await proveEnclave(endpoint, policy);
    deepEqual(
      [attested.claims?.purpose, attested.profile, flipped, otherImage],
      ['caisson-web/1', 'development', 'SIG', 'PCR'],
    );
    const ran = await caisson('exec', 'hello', '--', 'id', '-u');
    deepEqual([ran.code, ran.out], [0, '0\n'], ran.all);
  } finally {
    const down = await caisson('down', '-f', file);
    equal(down.code, 0, down.all);
  }
  deepEqual(readdirSync(join(env.CAISSON_STATE, 'enclaves')), []);
});

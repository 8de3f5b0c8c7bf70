// `caisson up --backend qemu` with examples/hello, as a person types it: its own kernel, a real NSM device and AF_VSOCK inside, and the same proof as everywhere.
import { deepEqual, equal, match } from 'node:assert/strict';
import { mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { type TestContext, test } from 'node:test';
import { findPolicy } from '@caisson/host/operator';
import { emulatedCmdline, hangingInit, writeProbeImage } from '@caisson/testkit/backend';
import { freePort } from '@caisson/testkit/loopback';
import { proveEnclave } from '../../examples/hello/prove.ts';
import { imageSkip } from '../scenario/backend/image.ts';
import { startProgram, termsIn } from '../scenario/engine/program.ts';
import { leftOf } from '../scenario/engine/traces.ts';
import { skip as noRig, rigFile } from './rig.ts';

const root = join(import.meta.dirname, '../..');

/** A state folder and a configuration of their own, and the program in them. */
function openPlace(context: TestContext) {
  const folder = mkdtempSync(join(tmpdir(), 'caisson-up-'));
  context.after(() => rmSync(folder, { recursive: true, force: true }));
  const terms = termsIn(folder);
  const env: NodeJS.ProcessEnv = { ...terms.env, CAISSON_QEMU: rigFile('out') };
  return { folder, env, caisson: (...words: string[]) => startProgram(words, { ...terms, env }).ended };
}

test('up boots hello in QEMU to ready and verified; its document holds over HTTP, exec reaches it, down leaves nothing', {
  skip: noRig || imageSkip,
  timeout: 300_000,
}, async (context) => {
  const { folder, env, caisson } = openPlace(context);
  const port = await freePort();
  env.HELLO_PORT = String(port);
  // The example's own file, with the rig's kernel instead of the one that this machine may have made.
  const text = readFileSync(join(root, 'examples/hello/caisson.yaml'), 'utf8');
  const image = `image: { source: ${join(root, 'examples/hello/app')}, kernel: ${rigFile('out/bzImage')}, cmdline: ${emulatedCmdline} }`;
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
  deepEqual(readdirSync(join(folder, 's/enclaves')), []);
});

// `never` is held to the time that its image gives it from its own start: how long a busy machine emulates its boot decides nothing.
test('an image that hangs before its heartbeat, and one that speaks and never becomes ready, are told as such in time, and nothing of them stays', {
  skip: noRig || imageSkip,
  timeout: 300_000,
}, async (context) => {
  const { folder, caisson } = openPlace(context);
  const at = (name: string): string => join(folder, name);
  const kernel = rigFile('out/bzImage');
  await writeProbeImage({ path: at('hangs.eif'), kernel, words: undefined, init: hangingInit() });
  mkdirSync(at('never'));
  writeFileSync(at('never/package.json'), '{"main":"main.js"}');
  writeFileSync(at('never/main.js'), "console.log('I live'); setInterval(() => {}, 1 << 30);\n");
  const resources = 'resources: { cpus: 1, memoryMiB: 512 }';
  writeFileSync(
    at('caisson.yaml'),
    `enclaves:
  hangs: { image: { eif: hangs.eif }, ${resources}, ready: { timeout: 8s } }
  never: { image: { source: ./never, kernel: ${kernel}, cmdline: ${emulatedCmdline} }, profile: development, ${resources}, ready: { tcp: 3000, timeout: 2s } }
`,
  );
  const hangs = await caisson('up', '--backend', 'qemu', 'hangs');
  equal(hangs.code, 3, hangs.all);
  // Where nobody got any time, not even its kernel has said a word.
  const boot = 'must send its heartbeat within 8000 ms; its console (stops at: .+|is empty)';
  match(hangs.err, new RegExp(`^hangs {2}NOT READY {2}in heartbeat\\n {2}enclave hangs ${boot}$`, 'm'));
  const never = await caisson('up', '--backend', 'qemu', '--timeout', '120s', 'never');
  equal(never.code, 3, never.all);
  match(never.err, /^never {2}NOT READY {2}in services\n {2}enclave never .*service-not-ready app/m);
  match(never.err, /^ {2}last words of app:\n( {4}\| .*\n)* {4}\| I live$/m);
  const down = await caisson('down');
  equal(down.code, 0, down.all);
  deepEqual(await leftOf(at('s')), []);
});

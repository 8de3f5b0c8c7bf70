// `caisson up` on a parent whose nitro-cli does what it is told, with real shims: what is refused, what is late, what is never said to be proven.
import { deepEqual, equal, match } from 'node:assert/strict';
import { existsSync, mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, afterEach, before, test } from 'node:test';
import { measureImage } from '@caisson/host/image';
import { writeMeasuredEif } from '@caisson/testkit/boot';
import { createFakeNitro, type FakeNitro } from '@caisson/testkit/nitro-cli';
import { hear, passForProgram } from '@caisson/testkit/program';
import { run } from './run.ts';

// Short, because sockets lie in it.
const folder = mkdtempSync(join(tmpdir(), 'caisson-un-'));
const at = (name: string): string => join(folder, name);
let passNoMore = (): void => {};
let fake: FakeNitro;
let env: Record<string, string>;

before(async () => {
  await writeMeasuredEif(at('plain.eif'), undefined);
  mkdirSync(at('fake'));
  mkdirSync(at('fabric/3'), { recursive: true, mode: 0o700 });
  fake = createFakeNitro(at('fake'), { [at('plain.eif')]: { ...(await measureImage(at('plain.eif'))) } });
  env = {
    PATH: `${fake.path}:${process.env['PATH']}`,
    CAISSON_STATE: at('s'),
    CAISSON_NITRO_ROOT: fake.root,
    CAISSON_VSOCK: `fabric:${at('fabric')}`,
    XDG_CONFIG_HOME: at('config'),
    HOME: folder,
  };
  passNoMore = passForProgram();
});
afterEach(async () => {
  fake.script({});
  await caisson('down', '--all');
  deepEqual(fake.enclaves(), []);
});
after(() => {
  passNoMore();
  fake.close();
  rmSync(folder, { recursive: true });
});

const caisson = (...line: readonly string[]) => hear(run, line, { env });

async function up(more = '') {
  const file = at('caisson.yaml');
  writeFileSync(file, `name: metal\nimage: { eif: plain.eif }\nbackend: nitro\nresources: { memoryMiB: 256 }\n${more}`);
  return await caisson('up', '-f', file);
}

const timeout = 300_000;

test('an image without a ready line is up at its heartbeat, never said to be proven, and no policy is written for hardware', {
  timeout,
}, async () => {
  const { code, out, err } = await up();
  equal(code, 0, err);
  match(out, /^metal {2}READY {2}nitro, CID \d+, production/);
  match(out, /^ {2}NOT VERIFIED {2}its image has no control channel$/m);
  match(err, /the image has no ready line: it counts as ready at its heartbeat/);
  equal(existsSync(at('config/caisson/policies')), false);
});

test('debug is said loudly, since its registers are zeros', { timeout }, async () => {
  const { code, out, err } = await up('debug: true\n');
  equal(code, 0, err);
  match(err, /^warning: metal: DEBUG: its registers PCR0 to PCR2 are zeros/m);
  match(out, /^ {2}DEBUG: PCR0 to PCR2 are zeros/m);
});

test('registers that are not those of the image are refused with 2, and nothing of it runs on', {
  timeout,
}, async () => {
  fake.script({ 'run-enclave': { mismeasures: true } });
  const { code, err } = await up();
  equal(code, 2, err);
  match(err, /^metal {2}REFUSED {2}in (boot|heartbeat)\n {2}.*PCR/m);
  deepEqual(fake.enclaves(), []);
});

test('a launch that fails is told with one cause and one fix', { timeout }, async () => {
  fake.script({ 'run-enclave': { fails: ['E39'] } });
  const { code, err } = await up();
  equal(code, 1, err);
  match(err, /^metal {2}FAILED {2}in (boot|heartbeat)\n[\s\S]*E39[\s\S]*^ {2}try: /m);
});

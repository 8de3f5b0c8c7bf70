// `caisson attest`: what a person sees, what a script gets, and which exit code says what.
import assert from 'node:assert/strict';
import { existsSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, before, test } from 'node:test';
import { toBase64, toHex } from '@caisson/core/bytes';
import { createNsmClient } from '@caisson/core/nitro';
import {
  createSimulatedAuthority,
  createSimulatedNsm,
  type ServedNsm,
  serveSimulatedNsm,
} from '@caisson/host/simulator';
import { assertFitsSchema } from '@caisson/testkit/contract';
import { type Heard, hear } from '@caisson/testkit/program';
import { run } from './run.ts';

const pcr0 = 'ab'.repeat(48);
const nonce = '0011223344556677';
let folder: string;
let served: ServedNsm;
let made: Uint8Array;
let at: string;
const path = (name: string): string => join(folder, name);

before(async () => {
  folder = mkdtempSync(join(tmpdir(), 'caisson-attest-'));
  served = await serveSimulatedNsm({ socketPath: path('nsm.sock'), pcrs: { 0: pcr0, 1: pcr0, 2: pcr0 } });
  writeFileSync(path('root.pem'), served.rootPem);
  assert.equal((await attest(['document', '--nonce', nonce, '--out', path('doc.cbor')])).code, 0);
  made = readFileSync(path('doc.cbor'));
  at = String(Math.floor(Date.now() / 1000));
});
after(async () => {
  await served.close();
  rmSync(folder, { recursive: true });
});

async function attest(words: readonly string[], stdin: Uint8Array = new Uint8Array()): Promise<Heard> {
  return await hear(run, ['attest', ...words], { stdin, env: { CAISSON_NSM: `unix:${path('nsm.sock')}` } });
}
const verify = (...words: string[]): Promise<Heard> =>
  attest(['verify', path('doc.cbor'), '--root', path('root.pem'), ...words]);

test('a document that holds and that is pinned ends with 0 and shows chain, measurements and each check', async () => {
  const { code, out, err } = await verify('--pcr', `0=${pcr0}`, '--nonce', nonce, '--max-age', '60');
  assert.equal(err, '');
  assert.equal(code, 0);
  assert.match(out, /^CUSTOM ROOT: this proves what its owner says/, 'before anything else');
  assert.match(out, / {2}0 {2}20\S+Z to 20\S+Z {2}SIMULATED\.nitro-enclaves$/m);
  assert.match(out, new RegExp(`^ {2}PCR0 {2}image {5}${pcr0}$`, 'm'));
  for (const kind of ['CBOR', 'COSE', 'DOC', 'CERT', 'ROOT', 'CHAIN', 'TIME', 'SIG', 'AGE', 'DEBUG', 'PCR', 'NONCE']) {
    assert.match(out, new RegExp(`^ {2}held {5}${kind} +\\S`, 'm'));
  }
  assert.match(out, /^ {2}- {8}USERDATA +not asked/m);
  assert.match(out, /^VERIFIED under the CUSTOM root$/m);
});

test('a genuine document that nothing pins ends with 2, unless --no-policy says that this was the question', async () => {
  const loose = await verify();
  assert.equal(loose.code, 2);
  assert.match(loose.out, /^POLICY: nothing pins the image/m);
  assert.match(loose.out, /^ {2}PCR0 {2}image/m);
  assert.equal((await verify('--pcr', `1=${pcr0}`)).code, 2, 'PCR1 pins no image');
  assert.equal((await verify('--no-policy')).code, 0);
  assert.equal((await verify('--no-policy', '--nonce', '00')).code, 2);
});

test('the checks that were asked for come before the missing pin', async () => {
  const { code, out } = await verify('--nonce', 'ff');
  assert.equal(code, 2);
  assert.match(out, /^REFUSED \(NONCE\)$/m);
  assert.doesNotMatch(out, /POLICY: nothing/);
});

test('a refusal shows what was expected and what was seen, and nothing else of the document', async () => {
  const { code, out } = await verify('--pcr', `0=${'cd'.repeat(48)}`);
  assert.equal(code, 2);
  assert.match(
    out,
    new RegExp(`^ {2}REFUSED {2}PCR +PCR0 does not hold\n +expected {2}(cd){48}\n +seen {6}${pcr0}$`, 'm'),
  );
  assert.doesNotMatch(out, /module id|PCR1|SIMULATED/);
  assert.match(out, /^ {2}held {5}SIG/m);
});

test('under AWS’s root a simulated document is refused', async () => {
  const { code, out } = await attest(['verify', path('doc.cbor'), '--no-policy']);
  assert.equal(code, 2);
  assert.match(out, /REFUSED {2}ROOT/);
  assert.match(out, /expected {2}641a0321a3e244efe456463195d606317ed7cdcc3c1756e09893f3c68f79bb5b/);
});

test('finds by itself whether it was given bytes, hex or base64, from a file or standard input', async () => {
  const forms = [made, Buffer.from(toHex(made)), Buffer.from(`${toBase64(made).replace(/.{76}/g, '$&\r\n')}\n`)];
  for (const form of forms) {
    const { code } = await attest(['verify', '-', '--root', path('root.pem'), '--no-policy'], form);
    assert.equal(code, 0);
  }
  const broken = await attest(['verify', '-', '--no-policy'], Buffer.from('{"a":1}'));
  assert.equal(broken.code, 1);
  assert.match(broken.err, /document must be binary, hex or base64, got other text/);
  const empty = await attest(['verify', '-', '--no-policy']);
  assert.match(empty.out, /REFUSED {2}CBOR/);
  const large = await attest(['verify', '-', '--no-policy'], new Uint8Array(70_000));
  assert.equal(large.code, 1);
  assert.match(large.err, /standard input must have at most 65536 bytes/);
});

test('--at verifies for another moment and says so', async () => {
  const late = await verify('--no-policy', '--at', String(Number(at) + 20_000));
  assert.equal(late.code, 2);
  assert.match(late.out, /REFUSED {2}TIME/);
  assert.match((await verify('--no-policy', '--at', at)).out, /^checked {4}\S+ \(as asked with --at, not now\)$/m);
});

test('--json prints one document of the schema for each outcome', async () => {
  for (const [words, verified] of [
    [['--no-policy'], true],
    [[], false],
    [['--nonce', '00'], false],
    [['--at', '0'], false],
  ] as const) {
    const { out, err } = await verify(...words, '--json');
    assert.match(err, /^CUSTOM ROOT/);
    assert.equal(out.trimEnd().split('\n').length, 1);
    const document = JSON.parse(out) as Record<string, unknown>;
    assertFitsSchema(document, 'attest-verify');
    assert.equal(document['verified'], verified);
  }
});

test('policies are created from a document, and hold it; SIMULATED stands before everything', async () => {
  const sim = ['--root', path('root.pem'), '--backend', 'sim'];
  const created = await attest(['policy', 'create', '--document', path('doc.cbor'), ...sim, '--max-age', '10000']);
  assert.equal(created.code, 0);
  assert.match(created.err, /^taken on first sight from a document of \S+ that holds under a custom root$/m);
  writeFileSync(path('policy.yaml'), created.out);
  const held = await attest(['verify', path('doc.cbor'), '--policy', path('policy.yaml')]);
  assert.equal(held.code, 0, held.out + held.err);
  assert.match(held.out, /^SIMULATED \(backend sim\)/);
  assert.match(held.out, /^ {2}held {5}PCR +PCR 0 1 2 as pinned$/m);
  assert.match(held.out, /^ {2}- {8}NONCE +not asked \(--nonce\): this may be a replay$/m);
  const json = await attest(['policy', 'create', '--pcr', `0=${'cd'.repeat(48)}`, ...sim, '--json']);
  writeFileSync(path('other.json'), json.out);
  const refused = await attest(['verify', path('doc.cbor'), '--policy', path('other.json')]);
  assert.equal(refused.code, 2);
  assert.match(refused.out, /REFUSED {2}PCR/);
});

test('a policy file with faults is exit 1 with file, line and column', async () => {
  writeFileSync(path('wrong.yaml'), 'pcrs:\n  3: zz\n');
  const { code, err, out } = await attest(['verify', path('doc.cbor'), '--policy', path('wrong.yaml')]);
  assert.deepEqual([code, out], [1, '']);
  assert.match(err, /wrong\.yaml:2:3: pcrs\.3 must be 48 bytes in hex \(96 digits\), got "zz"$/m);
});

test('policy create refuses a debug enclave, a development image and nothing to pin', async () => {
  const authority = await createSimulatedAuthority();
  writeFileSync(path('own.pem'), authority.rootPem);
  const own = ['--root', path('own.pem'), '--backend', 'sim'];
  const write = async (name: string, userData: Uint8Array | undefined, pcrs: Record<number, string>): Promise<void> => {
    const device = createSimulatedNsm({ authority, pcrs });
    writeFileSync(path(name), await createNsmClient(device).attestation({ userData }));
    await device.close();
  };
  await write('debug.cbor', undefined, {});
  assert.equal((await attest(['policy', 'create', '--document', path('debug.cbor'), ...own])).code, 2);
  // CAISSON\0 and {1: "caisson-control/1", 9: "development"}.
  const claims = Buffer.concat([
    Buffer.from('CAISSON\0'),
    Buffer.from([0xa2, 1, 0x71]),
    Buffer.from('caisson-control/1'),
    Buffer.from([9, 0x6b]),
    Buffer.from('development'),
  ]);
  await write('development.cbor', claims, { 0: pcr0 });
  const create = ['policy', 'create', '--document', path('development.cbor'), ...own];
  const refused = await attest(create);
  assert.equal(refused.code, 1);
  assert.match(
    refused.err,
    /must have profile production, got development\n {2}hint: allow it with --allow-development/,
  );
  assert.match((await attest([...create, '--allow-development'])).out, /^allowDevelopment: true$/m);
  assert.equal((await attest(['policy', 'create', '--instance-id', 'i-0123456789abcdef0'])).code, 1);
});

test('show says UNVERIFIED on every line and decodes what verify would refuse', async () => {
  const { code, out } = await attest(['show', path('doc.cbor')]);
  assert.equal(code, 0);
  const lines = out.trimEnd().split('\n');
  assert.ok(lines.length > 10 && lines.every((line) => line.startsWith('UNVERIFIED  ')), out);
  const flipped = Uint8Array.from(made, (byte, place) => (place === made.length - 1 ? byte ^ 1 : byte));
  writeFileSync(path('flipped.cbor'), flipped);
  assert.equal((await attest(['show', path('flipped.cbor')])).code, 0);
  assert.equal((await attest(['verify', path('flipped.cbor'), '--root', path('root.pem'), '--no-policy'])).code, 2);
  assertFitsSchema(JSON.parse((await attest(['show', path('doc.cbor'), '--json'])).out), 'attest-show');
  assert.equal((await attest(['show', '-'], Uint8Array.of(0x84))).code, 1);
});

test('a document’s text cannot drive the terminal', async () => {
  const evil = 'i-\u001b]0;owned\u0007\u202e-enc0';
  const bytes = Buffer.from(made);
  const id = Buffer.from(served.moduleId);
  const place = bytes.indexOf(id);
  Buffer.from(evil.padEnd(id.length, '\u001b')).copy(bytes, place, 0, id.length);
  const { out } = await attest(['show', '-'], bytes);
  assert.match(out, /module id {2}i-\\u001b/);
  assert.doesNotMatch(out, /[\u001b\u0007\u202e]/);
});

test('wrong words are usage errors that name the option', async () => {
  for (const [words, message] of [
    [['--pcr', '0=abc'], /--pcr 0 must have 96 hex digits, got 3 characters/],
    [['--pcr', `0=0x${pcr0}`], /--pcr 0 must have 96 hex digits, got 98/],
    [['--pcr', `0=${'00'.repeat(48)}`], /--pcr 0 must not be zeros/],
    [['--pcr', `32=${pcr0}`], /PCR index must be an integer in 0\.\.31/],
    [['--nonce', 'xyz'], /--nonce must be hex/],
    [['--at', '-1'], /--at must be unix seconds/],
    [['--at', '1e3'], /--at must be unix seconds/],
    [['--max-age', 'soon'], /--max-age must be an integer/],
    [['--policy', 'x'], /--root and --policy must not stand together/],
  ] as const) {
    const { code, err, out } = await verify(...words);
    assert.equal(code, 64, words.join(' '));
    assert.match(err, message);
    assert.equal(out, '');
  }
  const both = await attest(['verify', path('doc.cbor'), '--allow-debug', '--policy', 'x']);
  assert.deepEqual([both.code, both.out], [64, '']);
  assert.equal((await attest(['policy', 'create', '--root', path('root.pem')])).code, 64);
  assert.equal((await attest(['document', '--out', path('x')])).code, 64, 'a document without a nonce answers nobody');
});

const vectors = join(import.meta.dirname, '../../../../shared/vectors/attestation');
const skip = existsSync(vectors) ? false : `no vectors at ${vectors}`;

test('a real document of AWS hardware verifies at its time, and a mutant of each class ends with 2 and its class', {
  skip,
}, async () => {
  interface Entry {
    readonly file: string;
    readonly root: string;
    readonly at: number;
    readonly options: Readonly<Record<string, unknown>>;
    readonly expect: { readonly ok?: boolean; readonly cls?: string; readonly also?: readonly string[] };
  }
  const { entries } = JSON.parse(readFileSync(join(vectors, 'manifest.json'), 'utf8')) as { entries: Entry[] };
  const verdict = ({ file, root, at }: Entry): Promise<Heard> =>
    attest([
      'verify',
      join(vectors, file),
      ...(root === 'aws-root-g1.pem' ? [] : ['--root', join(vectors, root)]),
      '--at',
      String(at),
      '--no-policy',
    ]);
  const plain = entries.filter(({ options }) => Object.keys(options).length === 0);
  const real = plain.find(({ file, expect }) => file.startsWith('real/') && expect.ok)!;
  const held = await verdict(real);
  assert.equal(held.code, 0, held.out);
  assert.match(held.out, /^VERIFIED under the AWS root$/m);
  assert.match(held.out, /aws\.nitro-enclaves$/m);
  for (const kind of ['CBOR', 'COSE', 'DOC', 'CERT', 'ROOT', 'CHAIN', 'TIME', 'SIG', 'DEBUG']) {
    const mutant = plain.find(({ expect, file }) => expect.cls === kind && !/as-(hex|base64)/.test(file));
    assert.ok(mutant !== undefined, kind);
    const { code, out } = await verdict(mutant);
    assert.equal(code, 2, mutant.file);
    assert.match(
      out,
      new RegExp(`^REFUSED \\((${[kind, ...(mutant.expect.also ?? [])].join('|')})\\)$`, 'm'),
      mutant.file,
    );
  }
});

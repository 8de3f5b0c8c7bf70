// Proofs from the command line: files and hex, and the exit code of a proof that does not hold.
import assert from 'node:assert/strict';
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, before, test } from 'node:test';
import { hear } from '@caisson/testkit/program';
import { run } from '../run.ts';

// RFC 9381 appendix B.1, example 10.
const secretKey = 'c9afa9d845ba75166b5c215767b1d6934e50c3db36e89b127b8a622b120f6721';
const publicKey = '0360fed4ba255a9d31c961eb74c6356d68c049b8923b61fa6ce669622e60f29fb6';
const alpha = '73616d706c65';
const proof =
  '035b5c726e8c0e2c488a107c600578ee75cb702343c153cb1eb8dec77f4b5071b4a53f0a46f018bc2c56e58d383f2305e0' +
  '975972c26feea0eb122fe7893c15af376b33edf7de17c6ea056d4d82de6bc02f';
const beta = 'a3ad7b0ef73d8fc6655053ea22f9bede8c743f08bbed3d38821f0e16474b505e';

let folder: string;
const at = (name: string): string => join(folder, name);
before(() => {
  folder = mkdtempSync(join(tmpdir(), 'caisson-vrf-'));
  writeFileSync(at('key.hex'), `${secretKey}\n`);
  writeFileSync(at('key.raw'), Buffer.from(secretKey, 'hex'));
  writeFileSync(at('public.raw'), Buffer.from(publicKey, 'hex'));
  writeFileSync(at('proof.hex'), proof);
  writeFileSync(at('proof.raw'), Buffer.from(proof, 'hex'));
  writeFileSync(at('alpha'), 'sample');
  writeFileSync(at('digits'), '00ff');
  writeFileSync(at('long'), new Uint8Array((1 << 20) + 1));
});
after(() => rmSync(folder, { recursive: true }));

const vrf = (words: readonly string[], stdin: string | Buffer = '') => hear(run, ['vrf', ...words], { stdin });

// The keys of a flat document and the patterns of its members are what docs/schema says.
function fitsSchema(text: string, name: string): void {
  const document = JSON.parse(text) as Record<string, unknown>;
  const file = join(import.meta.dirname, `../../../../docs/schema/${name}.json`);
  const schema = JSON.parse(readFileSync(file, 'utf8')) as {
    readonly required: readonly string[];
    readonly properties: Readonly<Record<string, { readonly const?: unknown; readonly pattern?: string }>>;
  };
  assert.deepEqual(Object.keys(document), schema.required);
  assert.deepEqual(Object.keys(document), Object.keys(schema.properties));
  for (const [key, rule] of Object.entries(schema.properties)) {
    if (rule.pattern === undefined) assert.equal(document[key], rule.const);
    else assert.match(document[key] as string, new RegExp(rule.pattern));
  }
}

test('prove takes key and message from files, hex or standard input, and prints the proof', async () => {
  const lines = [
    ['--key', at('key.hex'), '--alpha', alpha],
    ['--key', at('key.raw'), '--alpha-file', at('alpha')],
    ['--key', at('key.raw'), '--alpha-file', at('alpha'), '--suite', 'SECP256R1_SHA256_TAI'],
  ];
  for (const words of lines) assert.deepEqual(await vrf(['prove', ...words]), { code: 0, out: `${proof}\n`, err: '' });
  assert.equal((await vrf(['prove', '--key', '-', '--alpha', alpha], secretKey)).out, `${proof}\n`);
  assert.equal((await vrf(['prove', '--key', at('key.hex'), '--alpha-file', '-'], 'sample')).out, `${proof}\n`);
});

test('a message of hex digits in a file is those digits', async () => {
  const fromFile = await vrf(['prove', '--key', at('key.hex'), '--alpha-file', at('digits')]);
  const digits = await vrf(['prove', '--key', at('key.hex'), '--alpha', '30306666']);
  const bytes = await vrf(['prove', '--key', at('key.hex'), '--alpha', '00ff']);
  assert.equal(fromFile.out, digits.out);
  assert.notEqual(fromFile.out, bytes.out);
});

test('verify prints the output of a proof that holds, and ends 2 for one that does not', async () => {
  const given = ['verify', '--public-key', publicKey, '--alpha', alpha];
  assert.deepEqual(await vrf([...given, '--proof', proof]), { code: 0, out: `${beta}\n`, err: '' });
  for (const file of ['proof.hex', 'proof.raw']) {
    const words = [
      'verify',
      '--public-key-file',
      at('public.raw'),
      '--alpha-file',
      at('alpha'),
      '--proof-file',
      at(file),
    ];
    assert.equal((await vrf(words)).out, `${beta}\n`);
  }
  const refused = [
    [...given, '--proof', `${proof.slice(0, -1)}0`],
    [...given, '--proof', proof.slice(2)],
    [...given, '--proof', proof, '--mode', 'draft05'],
    ['verify', '--public-key', publicKey, '--alpha', '00', '--proof', proof],
    ['verify', '--public-key', `02${'ff'.repeat(32)}`, '--alpha', alpha, '--proof', proof],
  ];
  for (const words of refused) {
    const { code, out, err } = await vrf(words);
    assert.deepEqual([code, out], [2, ''], words.join(' '));
    assert.match(err, /^caisson: VRF (proof|public key) .* must /);
  }
});

test('public-key prints what verifiers need', async () => {
  assert.equal((await vrf(['public-key', '--key', at('key.raw')])).out, `${publicKey}\n`);
  assert.equal((await vrf(['public-key', '--key', '-'], Buffer.from(secretKey, 'hex'))).out, `${publicKey}\n`);
});

test('every --json document is what its schema says', async () => {
  const given = ['--alpha', alpha, '--json'];
  const proved = await vrf(['prove', '--key', at('key.hex'), ...given]);
  fitsSchema(proved.out, 'vrf-prove');
  assert.deepEqual(JSON.parse(proved.out), { v: 1, suite: 'P256_SHA256_TAI', publicKey, proof, beta });
  fitsSchema((await vrf(['verify', '--public-key', publicKey, '--proof', proof, ...given])).out, 'vrf-verify');
  fitsSchema((await vrf(['public-key', '--key', at('key.hex'), '--json'])).out, 'vrf-public-key');
});

test('wrong command lines end 64, keys and suites that do not work end 1, and no secret is printed', async () => {
  const usage = [
    ['prove', '--key', at('key.hex')],
    ['prove', '--key', at('key.hex'), '--alpha', alpha, '--alpha-file', at('alpha')],
    ['prove', '--key', '-', '--alpha-file', '-'],
    ['prove', '--key', at('key.hex'), '--alpha', 'xyz'],
    ['prove', '--alpha', alpha],
    ['verify', '--public-key', publicKey, '--alpha', alpha],
    ['verify', '--public-key', publicKey, '--alpha', alpha, '--proof', proof, '--mode', 'draft06'],
    ['public-key'],
  ];
  for (const words of usage) assert.equal((await vrf(words)).code, 64, words.join(' '));
  const failing: [readonly string[], RegExp][] = [
    [['public-key', '--key', at('none')], /cannot read --key file .*none: ENOENT/],
    [['public-key', '--key', at('proof.raw')], /VRF secret key of P256_SHA256_TAI must have 32 bytes, got 81/],
    [['public-key', '--key', at('long')], /must have at most 130 bytes/],
    [['prove', '--key', at('key.hex'), '--alpha-file', at('long')], /must have at most 1048576 bytes/],
    [['public-key', '--key', at('key.hex'), '--suite', 'SECP521R1_SHA512_TAI'], /do not fill the 66/],
    [['public-key', '--key', at('key.hex'), '--suite', 'SECP384R1_SHA384_TAI'], /must have 48 bytes, got 32/],
  ];
  for (const [words, pattern] of failing) {
    const { code, out, err } = await vrf(words);
    assert.deepEqual([code, out], [1, ''], words.join(' '));
    assert.match(err, pattern);
    assert.ok(!err.includes(secretKey));
  }
});

// The boot config on the command line: signed, checked against a schema, sent framed with the enclave's reply, refused with its reasons.
import assert from 'node:assert/strict';
import { chmodSync, mkdtempSync, readFileSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { type TestContext, test } from 'node:test';
import { toCid } from '@caisson/core/address';
import { toHex } from '@caisson/core/bytes';
import { parseSignedConfig, verifySignedConfig } from '@caisson/core/config';
import { toPem } from '@caisson/core/x509';
import { type ConfigForm, type ConfigReply, openConfigReceiver, receiveConfig } from '@caisson/link/config';
import { createFabricTransport } from '@caisson/link/transport';
import { testSigner } from '@caisson/testkit/boot';
import { assertFitsSchema } from '@caisson/testkit/contract';
import { type Heard, type HearOptions, hear } from '@caisson/testkit/program';
import { run } from './run.ts';

const caisson = (words: readonly string[], options?: HearOptions) => hear(run, words, options);

function folderOf(context: TestContext): string {
  const folder = mkdtempSync(join(tmpdir(), 'caisson-'));
  context.after(() => rmSync(folder, { recursive: true }));
  return folder;
}

const sha384 = 'cd'.repeat(48);

async function receiving(
  context: TestContext,
  folder: string,
  reply: ConfigReply,
  forms: ConfigForm[] = ['framed', 'raw'],
) {
  const seen: string[] = [];
  const transport = createFabricTransport({ directory: folder, localCid: toCid(16) });
  const receiver = await openConfigReceiver({
    transport,
    forms,
    async judge(bytes, form) {
      seen.push(`${form} ${Buffer.from(bytes).toString()}`);
      return reply;
    },
  });
  context.after(() => receiver.close(reply));
  return seen;
}

test('config send shows the reply of an enclave that takes the config', async (context) => {
  const folder = folderOf(context);
  const env = { CAISSON_VSOCK: `fabric:${folder}` };
  const seen = await receiving(context, folder, { ok: true, sha384 });
  for (const words of [[], ['7777'], ['--framed'], ['7778', '--framed']]) {
    const { code, err } = await caisson(['config', 'send', '16', ...words], { stdin: '{"a":1}', env });
    assert.equal(code, 0, err);
    assert.match(err, /config sent \(7 bytes\) to CID 16 via VSOCK:7778/);
    assert.ok(err.includes(`config taken by CID 16: sha384 ${sha384}`));
  }
  const raw = await caisson(['config', 'send', '16', '--raw'], { stdin: '{"b":1}', env });
  assert.equal(raw.code, 0);
  assert.match(raw.err, /to CID 16 via VSOCK:7777/);
  assert.deepEqual(seen, [...Array.from({ length: 4 }, () => 'framed {"a":1}'), 'raw {"b":1}']);
});

test('the old name tries the framed port first too, and another port is raw as ever', async (context) => {
  const folder = folderOf(context);
  const env = { CAISSON_VSOCK: `fabric:${folder}` };
  const seen = await receiving(context, folder, { ok: true, sha384 });
  const old = await caisson(['config', 'send', '16', '7777'], { stdin: '{}', env, name: 'argonaut' });
  assert.equal(old.code, 0);
  assert.deepEqual(seen, ['framed {}']);
  const transport = createFabricTransport({ directory: folder, localCid: toCid(16) });
  const listening = Promise.withResolvers<void>();
  const received = receiveConfig({ transport, port: 9000 as never, onListening: listening.resolve });
  await listening.promise;
  assert.equal((await caisson(['config', 'send', '16', '9000'], { stdin: '{"c":1}', env })).code, 0);
  assert.equal(Buffer.from(await received).toString(), '{"c":1}');
});

test('a refused config exits 1 with every reason, shown without control characters', async (context) => {
  const folder = folderOf(context);
  const faults = [
    { path: 'mode', message: 'mode must be there, got nothing' },
    { path: 'x', message: 'x \u001b[2Jis unknown' },
  ];
  await receiving(context, folder, { ok: false, faults });
  const env = { CAISSON_VSOCK: `fabric:${folder}` };
  const sent = await caisson(['config', 'send', '16'], { stdin: '{}', env });
  assert.equal(sent.code, 1);
  assert.ok(sent.err.includes('mode must be there, got nothing'));
  assert.ok(sent.err.includes('x ?[2Jis unknown'));
  assert.ok(!sent.err.includes('\u001b'));
  const last = 'caisson: vsock:16:7778 refused the config: mode must be there, got nothing (and 1 more)\n  hint: mend ';
  assert.ok(sent.err.includes(last));
  const file = join(folder, 'config.json');
  writeFileSync(file, '{"httpPort":18080,"httpVsockPort":3000,"endpoints":[]}');
  const host = await caisson(['host', '16', file], { env });
  assert.equal(host.code, 1);
  assert.ok(host.err.includes('refused the config: mode must be there'));
});

test('asks for either form only, and waits for nobody', async () => {
  assert.equal((await caisson(['config', 'send', '16', '--raw', '--framed'])).code, 64);
  assert.equal((await caisson(['host', '16', 'f', '--raw', '--framed'])).code, 64);
  assert.equal((await caisson(['config', 'send', '16', '7777', '--raw'], { name: 'argonaut' })).code, 1);
});

test('config sign makes what an image with that key takes, and says what PCR16 will be', async (context) => {
  const folder = folderOf(context);
  const { pkcs8, spki, spkiSha256 } = await testSigner(0);
  const [key, file, out] = ['key.pem', 'config.json', 'signed.cbor'].map((name) => join(folder, name)) as [
    string,
    string,
    string,
  ];
  writeFileSync(key, toPem('PRIVATE KEY', pkcs8), { mode: 0o600 });
  writeFileSync(file, '{"mode":"a"}');
  const words = ['config', 'sign', file, '--key', key, '--config-version', '7', '--not-after', '1900000000', '-o', out];
  const signed = await caisson([...words, '--pcr0', 'a5'.repeat(48), '--json']);
  assert.equal(signed.code, 0, signed.err);
  const document = JSON.parse(signed.out) as Record<string, unknown>;
  assertFitsSchema(document, 'config-sign');
  assert.deepEqual([document['version'], document['notAfter'], document['keySha256']], [7, 1_900_000_000, spkiSha256]);
  const bytes = readFileSync(out);
  const parsed = parseSignedConfig(bytes);
  await verifySignedConfig(parsed, [spki]);
  assert.equal(Buffer.from(parsed.config).toString(), '{"mode":"a"}');
  const hash = async (...parts: Uint8Array[]): Promise<Uint8Array> =>
    new Uint8Array(await crypto.subtle.digest('SHA-384', Buffer.concat(parts)));
  assert.equal(document['sha384'], toHex(await hash(bytes)));
  assert.equal(document['pcr16'], toHex(await hash(new Uint8Array(48), await hash(bytes))));
  const labelled = await caisson([...words.slice(0, 6), '1', '--valid-for', '720h', '-o', out, '--label', 'hello/eu']);
  assert.equal(labelled.code, 0, labelled.err);
  assert.match(labelled.out, /^signed .+ as .+ \(\d+ bytes\)\n {2}version {4}1\n {2}not after {2}20/);
  assert.deepEqual(parseSignedConfig(readFileSync(out)).target, { kind: 'label', label: 'hello/eu' });
});

test('config sign refuses a key that others can read, another key, no object, and a target of two kinds; the old file stays', async (context) => {
  const folder = folderOf(context);
  const { pkcs8 } = await testSigner(0);
  const [key, file, out] = ['key.pem', 'config.json', 'signed.cbor'].map((name) => join(folder, name)) as [
    string,
    string,
    string,
  ];
  writeFileSync(key, toPem('PRIVATE KEY', pkcs8), { mode: 0o644 });
  writeFileSync(file, '[]');
  writeFileSync(out, 'old');
  const sign = (...more: string[]): Promise<Heard> =>
    caisson(['config', 'sign', file, '--key', key, '--config-version', '7', '-o', out, ...more]);
  const target = ['--label', 'x', '--valid-for', '1h'];
  const open = await sign(...target);
  assert.equal(open.code, 1);
  assert.match(open.err, /must be readable by its owner alone, got mode 0644\n {2}hint: chmod 600/);
  chmodSync(key, 0o600);
  assert.match((await sign(...target)).err, /config to be signed must be a JSON object/);
  writeFileSync(file, '{}');
  for (const more of [
    ['--label', 'x'],
    ['--valid-for', '1h'],
    [...target, '--pcr0', 'aa'],
    [...target, '--not-after', '5'],
    ['--label', 'x', '--valid-for', '0s'],
    ['--valid-for', '1h', '--pcr0', 'zz'],
  ]) {
    assert.equal((await sign(...more)).code, 64, more.join(' '));
  }
  assert.match(
    (await sign('--valid-for', '1h', '--pcr0', '00'.repeat(48))).err,
    /target must be PCR0 values of 48 bytes that are not all zero/,
  );
  writeFileSync(key, 'no key', { mode: 0o600 });
  assert.match((await sign(...target)).err, /must be an Ed25519 private key in PEM/);
  rmSync(key);
  assert.match((await sign(...target)).err, /cannot be read: ENOENT/);
  assert.equal(readFileSync(out, 'utf8'), 'old');
  assert.ok(statSync(out).size === 3);
});

test('config check --schema judges as the enclave will', async (context) => {
  const folder = folderOf(context);
  const [schema, file] = [join(folder, 'schema.json'), join(folder, 'config.json')];
  writeFileSync(schema, '{"type":"object","required":["mode"],"properties":{"mode":{"enum":["a","b"]}}}');
  writeFileSync(file, '{"mode":"c"}');
  const bad = await caisson(['config', 'check', file, '--schema', schema, '--json']);
  assert.equal(bad.code, 1);
  assertFitsSchema(JSON.parse(bad.out), 'config-check');
  assert.deepEqual(JSON.parse(bad.out), {
    v: 1,
    mode: null,
    ok: false,
    faults: [{ path: 'mode', message: 'mode must be one of "a", "b", got "c"' }],
    warnings: [],
  });
  writeFileSync(file, '{"mode":"a"}');
  assert.match(
    (await caisson(['config', 'check', file, '--schema', schema])).out,
    /^ok: .+config\.json is a config of /,
  );
  writeFileSync(schema, '{"anyOf":[]}');
  const wrong = await caisson(['config', 'check', file, '--schema', schema]);
  assert.equal(wrong.code, 1);
  assert.match(wrong.err, /config schema anyOf must be one of type/);
  assert.equal((await caisson(['config', 'check', file])).code, 64);
});

// Rules as people write them: what is taken, and the place and the bound of what is not.
import assert from 'node:assert/strict';
import { execFileSync } from 'node:child_process';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { test } from 'node:test';
import { toCid } from '@caisson/core/address';
import { CaissonError } from '@caisson/core/errors';
import fc from 'fast-check';
import { DEFAULT_BRIDGE_LIMITS, parseBridgeRule, parseBridgeRules, readBridgeRules } from './index.ts';

const parse = (value: unknown): ReturnType<typeof parseBridgeRules> =>
  parseBridgeRules(Buffer.from(JSON.stringify(value)));
const good = { listen: 'vsock:any:3000', dial: 'tcp:127.0.0.1:8080' };

test('takes a rule with nothing but its two addresses, and the defaults', () => {
  const [rule] = parse([good]);
  assert.deepEqual(rule?.limits, DEFAULT_BRIDGE_LIMITS);
  assert.deepEqual([rule?.name, rule?.allowMetadata, rule?.retryRefused], ['vsock:any:3000', false, false]);
});

test('takes every field, in a file and as text, to the same rule', () => {
  const [fromFile] = parse([
    {
      ...good,
      name: 'in',
      maxConnections: 7,
      idleTimeout: '90s',
      dialTimeout: '1.5s',
      peerCid: 16,
      retryRefused: true,
    },
  ]);
  const text =
    'listen=vsock:any:3000,dial=tcp:127.0.0.1:8080,name=in,maxConnections=7,idleTimeout=90s,dialTimeout=1.5s,peerCid=16,retryRefused=true';
  assert.deepEqual(parseBridgeRule(text), fromFile);
  assert.deepEqual(fromFile?.limits, { maxConnections: 7, idleTimeoutMs: 90_000, dialTimeoutMs: 1_500 });
  assert.equal(fromFile?.peerCid, toCid(16));
});

test('lets a path hold a comma', () => {
  const rule = parseBridgeRule('listen=unix:/run/a,b.sock,dial=vsock:16:1');
  assert.deepEqual(rule.listen, { kind: 'unix', path: '/run/a,b.sock' });
});

test('gives a rule the limits of its caller where it says nothing', () => {
  const limits = { ...DEFAULT_BRIDGE_LIMITS, maxConnections: 5 };
  const [own, silent] = parseBridgeRules(
    Buffer.from(
      JSON.stringify([
        { ...good, maxConnections: 9 },
        { ...good, listen: 'tcp:127.0.0.1:0' },
      ]),
    ),
    {
      defaults: { limits },
    },
  );
  assert.deepEqual([own?.limits.maxConnections, silent?.limits.maxConnections], [9, 5]);
});

test('never rounds a time-out down to 0, which means never', () => {
  assert.equal(parseBridgeRule('listen=tcp:127.0.0.1:0,dial=vsock:16:1,idleTimeout=1us').limits.idleTimeoutMs, 1);
});

test('names the place, the value and the bound of what it refuses', () => {
  const faults: readonly (readonly [rules: unknown, message: RegExp])[] = [
    [{}, /^rules must be an array of rules, got an object of 0 keys$/],
    [['x'], /^rules\[0\] must be an object, got "x"$/],
    [[{ dial: good.dial }], /^rules\[0\]\.listen must be an address, got nothing$/],
    [[{ ...good, listen: 3000 }], /^rules\[0\]\.listen must be a string, got 3000$/],
    [[good, { ...good, listen: 'tcp:x' }], /^rules\[1\]\.listen must be tcp:HOST:PORT, got "tcp:x"$/],
    [[{ ...good, maxConections: 1 }], /^rules\[0\] must have only the fields name, .*, got "maxConections"$/],
    [[{ ...good, maxConnections: 0 }], /^rules\[0\] maxConnections must be an integer in 1\.\.65536, got 0$/],
    [[{ ...good, maxConnections: 65_537 }], /in 1\.\.65536, got 65537$/],
    [[{ ...good, maxConnections: '9' }], /^rules\[0\]\.maxConnections must be a non-negative integer, got "9"$/],
    [[{ ...good, maxConnections: 1.5 }], /got 1\.5$/],
    [[{ ...good, idleTimeout: '5' }], /^rules\[0\]\.idleTimeout must be a Go duration/],
    [[{ ...good, idleTimeout: '-5s' }], /^rules\[0\] idleTimeoutMs must be an integer in 0\.\.2147483647, got -5000$/],
    [[{ ...good, dialTimeout: '0' }], /^rules\[0\] dialTimeoutMs must be an integer in 1\.\.3600000, got 0$/],
    [
      [{ ...good, peerCid: 4294967295 }],
      /^rules\[0\]\.peerCid: cid must be an integer in 0\.\.4294967294, got 4294967295$/,
    ],
    [
      [{ ...good, listen: 'tcp:127.0.0.1:0', peerCid: 16 }],
      /peerCid 16 needs a vsock listener, got tcp:127\.0\.0\.1:0$/,
    ],
    [[{ ...good, dial: 'vsock:any:1' }], /^rules\[0\] dial must name one CID, got any$/],
    [[{ ...good, dial: 'tcp:127.0.0.1:0' }], /^rules\[0\] dial port must be an integer in 1\.\.65535, got 0$/],
    [
      [{ ...good, dial: 'tcp:0xa9fea9fe:80' }],
      /^rules\[0\] must not dial 0xa9fea9fe, a metadata or credentials address$/,
    ],
    [[{ ...good, dial: 'tcp:[::ffff:169.254.170.2]:80' }], /a metadata or credentials address$/],
    [[{ ...good, allowMetadata: 'yes' }], /^rules\[0\]\.allowMetadata must be true or false, got "yes"$/],
    [
      [good, { ...good, dial: 'vsock:16:1' }],
      /^rules\[1\]\.listen vsock:any:3000 is already the address of rules\[0\]$/,
    ],
    [[{ listen: 'unix:/a', dial: 'unix:/a' }], /must not dial what it listens on, got unix:\/a for both$/],
    [Array.from({ length: 1_025 }, () => good), /^rules must have at most 1024 rules, got 1025$/],
  ];
  for (const [rules, message] of faults) assert.throws(() => parse(rules), { message });
  assert.throws(
    () => parseBridgeRules(Buffer.from('[{"listen":"unix:/a","listen":"unix:/b"}]')),
    /listen is given twice/,
  );
  assert.throws(() => parseBridgeRule('listen=unix:/a,dial=unix:/b,dial=unix:/c'), /rule dial is given twice/);
  assert.throws(() => parseBridgeRule('unix:/a'), /rule must be listen=ADDRESS,dial=ADDRESS/);
});

test('lets a metadata address pass where the rule says so', () => {
  const [rule] = parse([{ ...good, dial: 'tcp:169.254.169.254:80', allowMetadata: true }]);
  assert.equal(rule?.allowMetadata, true);
});

test('lets several rules listen on port 0', () => {
  const free = { ...good, listen: 'tcp:127.0.0.1:0' };
  assert.equal(parse([free, free]).length, 2);
});

test('refuses any other JSON with an error of its own and nothing else', () => {
  const json = fc.json({ maxDepth: 4 });
  const nearly = fc.array(
    fc.dictionary(fc.constantFrom('listen', 'dial', 'name', 'maxConnections', 'x'), fc.jsonValue()),
  );
  fc.assert(
    fc.property(
      fc.oneof(
        json,
        nearly.map((value) => JSON.stringify(value)),
        fc.string(),
      ),
      (text) => {
        try {
          parseBridgeRules(Buffer.from(text));
        } catch (error) {
          assert.ok(error instanceof CaissonError, String(error));
        }
      },
    ),
    { seed: 1, numRuns: 2_000 },
  );
});

test('reads a regular file of at most 1 MiB and nothing else', async (t) => {
  const folder = mkdtempSync(join(tmpdir(), 'caisson-'));
  t.after(() => rmSync(folder, { recursive: true }));
  const path = join(folder, 'rules.json');
  writeFileSync(path, JSON.stringify([good]));
  assert.equal((await readBridgeRules(path)).length, 1);
  writeFileSync(path, `${' '.repeat(1_048_576)}[`);
  await assert.rejects(readBridgeRules(path), {
    code: 'BRIDGE_RULES_FILE',
    message: /at most 1048576 bytes, got more$/,
  });
  await assert.rejects(readBridgeRules(join(folder, 'none')), { message: /^cannot read rules file .*: ENOENT$/ });
  await assert.rejects(readBridgeRules(folder), { message: /is no regular file$/ });
  const fifo = join(folder, 'fifo');
  execFileSync('mkfifo', [fifo]);
  await assert.rejects(readBridgeRules(fifo), { message: /fifo is no regular file$/ });
});

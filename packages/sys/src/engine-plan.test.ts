// What the engine refuses before any C sees it.
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { toCid, toVsockPort } from '@caisson/core/address';
import { checkEngineOptions, flattenTargets, planListen } from './engine-plan.ts';
import type { NativeListenOptions, NativeTarget } from './native-engine.ts';

const target: NativeTarget = { address: { kind: 'unix', path: '/run/far.sock' } };
const good: NativeListenOptions = {
  address: { kind: 'tcp', address: '127.0.0.1', port: 8080 },
  maxConnections: 10,
  idleTimeoutMs: 0,
  dialTimeoutMs: 1_000,
  targets: [target],
};

test('lays a plan flat with the defaults of the contract', () => {
  assert.deepEqual(planListen(good), {
    address: { kind: 'tcp', host: '127.0.0.1', cid: 0, port: 8080 },
    backlog: 4096,
    maxConnections: 10,
    idleTimeoutMs: 0,
    dialTimeoutMs: 1_000,
    peerCid: 0xffffffff,
    lineBytes: 0,
    lineTimeoutMs: 0,
    asks: false,
    reports: false,
    retryRefused: false,
    targets: [
      { kind: 'unix', host: '/run/far.sock', cid: 0, port: 0, preface: new ArrayBuffer(0), prefix: '', replyBytes: 0 },
    ],
  });
  assert.deepEqual(checkEngineOptions({}), {
    vsockWriteBytes: 32_768,
    vsockWindowBytes: 8_388_608,
    fairnessBytes: 1_048_576,
    splice: true,
  });
});

test('refuses what no caller should ask, with the value and the bound', () => {
  const wrong: [Partial<NativeListenOptions>, RegExp][] = [
    [{ maxConnections: 0 }, /^maxConnections must be an integer in 1\.\.4294967295, got 0$/],
    [{ maxConnections: 1.5 }, /got 1\.5$/],
    [{ idleTimeoutMs: -1 }, /^idleTimeoutMs must be an integer in 0\.\.2147483647, got -1$/],
    [{ dialTimeoutMs: 0 }, /^dialTimeoutMs must be an integer in 1\.\./],
    [{ dialTimeoutMs: Number.POSITIVE_INFINITY }, /got Infinity$/],
    [{ backlog: 0 }, /^backlog must be/],
    [{ targets: [] }, /^targets must be 1\.\.16 addresses, got 0$/],
    [
      { acceptLine: { maxBytes: 1, timeoutMs: 1 }, onAsk: () => {} },
      /^acceptLine\.maxBytes must be an integer in 2\.\.4096, got 1$/,
    ],
    [{ acceptLine: { maxBytes: 40, timeoutMs: 1_000 } }, /needs onAsk$/],
    [
      { address: { kind: 'tcp', address: 'localhost', port: 1 } },
      /^address must be an IP literal without a zone, got "localhost"$/,
    ],
    [{ address: { kind: 'tcp', address: 'fe80::1%eth0', port: 1 } }, /without a zone/],
    [{ address: { kind: 'tcp', address: '127.1', port: 1 } }, /IP literal/],
    [
      { address: { kind: 'tcp', address: '::1', port: 65_536 } },
      /^address port must be an integer in 0\.\.65535, got 65536$/,
    ],
    [
      { address: { kind: 'unix', path: `/${'x'.repeat(107)}` } },
      /^address must be a path of 1\.\.107 bytes without NUL, got 108 bytes$/,
    ],
    [{ address: { kind: 'unix', path: '/a\0b' } }, /without NUL/],
  ];
  for (const [change, message] of wrong) {
    assert.throws(
      () => planListen({ ...good, ...change }),
      (error: unknown) => {
        assert.ok(error instanceof TypeError);
        assert.match(error.message, message);
        return true;
      },
    );
  }
  const { targets: _, ...without } = good;
  assert.throws(() => planListen(without), TypeError);
});

test('refuses targets whose preface or reply line cannot fit', () => {
  const wrong: [Partial<NativeTarget>, RegExp][] = [
    [{ preface: new Uint8Array(65) }, /^targets\[0\]\.preface must be at most 64 bytes, got 65$/],
    [
      { replyLine: { prefix: 'OK ', maxBytes: 3 } },
      /^targets\[0\]\.replyLine\.prefix length must be an integer in 0\.\.2, got 3$/,
    ],
    [{ replyLine: { prefix: 'x'.repeat(33), maxBytes: 64 } }, /0\.\.32, got 33$/],
    [{ replyLine: { prefix: '', maxBytes: 5_000 } }, /maxBytes must be an integer in 2\.\.4096, got 5000$/],
  ];
  for (const [change, message] of wrong) assert.throws(() => flattenTargets([{ ...target, ...change }]), { message });
  assert.throws(() => flattenTargets(Array.from({ length: 17 }, () => target)), /1\.\.16 addresses, got 17$/);
});

test('takes a preface out of a larger buffer by its own bytes only', () => {
  const all = Buffer.from('secret|CONNECT 5000\n|secret');
  const [flat] = flattenTargets([{ ...target, preface: all.subarray(7, 20) }]);
  assert.equal(Buffer.from(flat?.preface ?? new ArrayBuffer(0)).toString(), 'CONNECT 5000\n');
});

test('carries vsock addresses as numbers', () => {
  const [flat] = flattenTargets([{ address: { kind: 'vsock', cid: toCid(16), port: toVsockPort(0xfffffffe) } }]);
  assert.deepEqual([flat?.kind, flat?.cid, flat?.port], ['vsock', 16, 0xfffffffe]);
});

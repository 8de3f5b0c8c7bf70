// The three text forms of an address, and the parent's per-enclave ports.
import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import { CID_ANY, formatAddress, hostPort, parseAddress, toCid, toVsockPort } from './index.ts';

test('reads vsock, tcp and unix addresses and writes them back', () => {
  const forms = {
    'vsock:16:3000': { kind: 'vsock', cid: 16, port: 3000 },
    'vsock:any:4294967294': { kind: 'vsock', cid: CID_ANY, port: 4294967294 },
    'vsock:0:0': { kind: 'vsock', cid: 0, port: 0 },
    'tcp:127.0.0.1:8080': { kind: 'tcp', host: '127.0.0.1', port: 8080 },
    'tcp:[::1]:0': { kind: 'tcp', host: '::1', port: 0 },
    'tcp:[fe80::1%eth0]:80': { kind: 'tcp', host: 'fe80::1%eth0', port: 80 },
    'tcp:example.com:65535': { kind: 'tcp', host: 'example.com', port: 65535 },
    'unix:/run/x.sock': { kind: 'unix', path: '/run/x.sock' },
    'unix:rel:ative': { kind: 'unix', path: 'rel:ative' },
  };
  for (const [text, address] of Object.entries(forms)) {
    assert.deepEqual(parseAddress(text), address);
    assert.equal(formatAddress(parseAddress(text)), text);
  }
});

test('refuses anything else with the place, the bound and what it got', () => {
  const faults = {
    '': /--listen must begin with vsock:, tcp: or unix:, got ""/,
    'http://x': /must begin with/,
    'vsock:16': /must be vsock:CID:PORT/,
    'vsock:16:3000:1': /must be vsock:CID:PORT/,
    'vsock:4294967295:1': /--listen cid must be an integer in 0..4294967294, got "4294967295"/,
    'vsock:16:4294967295': /--listen port must be an integer in 0..4294967294, got "4294967295"/,
    'vsock:-1:1': /cid must be an integer/,
    'vsock:016:1': /cid must be an integer/,
    'vsock:1e3:1': /cid must be an integer/,
    'vsock::1': /cid must be an integer/,
    'tcp:127.0.0.1:70000': /port must be an integer in 0..65535, got "70000"/,
    'tcp::80': /must be tcp:HOST:PORT/,
    'tcp:::1:80': /must be tcp:HOST:PORT/,
    'tcp:a b:80': /must be tcp:HOST:PORT/,
    'unix:': /must be unix:PATH/,
    'unix:a\0b': /must be unix:PATH/,
    [`unix:${'x'.repeat(108)}`]: /path must have at most 107 bytes, got 108/,
    [`unix:${'é'.repeat(54)}`]: /path must have at most 107 bytes, got 108/,
  };
  for (const [text, message] of Object.entries(faults)) {
    assert.throws(() => parseAddress(text, '--listen'), { name: 'ParseError', code: 'ADDRESS_FORM', message }, text);
  }
});

test('any text is an address or an ADDRESS_FORM error', () => {
  const text = fc.oneof(
    fc.string(),
    fc.string().map((rest) => `vsock:${rest}`),
    fc.string().map((rest) => `tcp:${rest}`),
  );
  fc.assert(
    fc.property(text, (one) => {
      try {
        assert.deepEqual(parseAddress(formatAddress(parseAddress(one))), parseAddress(one));
      } catch (error) {
        assert.equal((error as { code?: string }).code, 'ADDRESS_FORM');
      }
    }),
    { seed: 1, numRuns: 2_000 },
  );
});

test('hostPort gives each enclave 256 ports of its own in the parent', () => {
  assert.equal(hostPort(4, 0), 0x40000400);
  assert.equal(hostPort(16, 16), 0x40000000 + 16 * 256 + 16);
  assert.equal(hostPort(4194303, 255), 0x7fffffff);
  for (const [cid, n] of [
    [3, 0],
    [4194304, 0],
    [4.5, 0],
    [16, 256],
    [16, -1],
  ] as const) {
    assert.throws(() => hostPort(cid, n), TypeError);
  }
});

test('a CID or port that is no u32 is the caller’s mistake', () => {
  assert.throws(() => toCid(4294967295), { name: 'TypeError', message: /cid must be an integer in 0..4294967294/ });
  assert.throws(() => toVsockPort(-1), { name: 'TypeError', message: /vsock port must be/ });
  assert.throws(() => toVsockPort(1.5), TypeError);
  assert.equal(toCid(3), 3);
});

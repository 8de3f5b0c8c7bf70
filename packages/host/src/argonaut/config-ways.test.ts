// Which ways a boot config opens on the parent: argonaut's, those of an image that takes endpoints, and none of an application's own config.
import assert from 'node:assert/strict';
import { generateKeyPairSync } from 'node:crypto';
import { test } from 'node:test';
import { signConfig } from '@caisson/core/config';
import { CaissonError } from '@caisson/core/errors';
import fc from 'fast-check';
import { readConfigWays } from './index.ts';

const bytes = (value: unknown): Uint8Array => Buffer.from(JSON.stringify(value));
const read = (value: unknown, takesEndpoints = false) => readConfigWays(bytes(value), { takesEndpoints });
const nothing = { endpoints: [], http: null, warnings: [] };
const whole = { httpPort: 8080, httpVsockPort: 3000, endpoints: [{ host: 'sui.io', vsockPort: 8100, tcpPort: 8443 }] };

test('a config that is argonaut’s opens its endpoints and its way in, whatever the image is', () => {
  const ways = {
    endpoints: [{ host: 'sui.io', tcpPort: 8443, vsockPort: 8100 }],
    http: { hostPort: 8080, vsockPort: 3000, targetPort: 3000 },
    warnings: [],
  };
  assert.deepEqual(read(whole), ways);
  assert.deepEqual(read(whole, true), ways);
  assert.equal(read({ ...whole, httpTcpPort: 81, mine: true }).http?.targetPort, 81);
});

test('an image that takes endpoints has them from a config that is argonaut’s in nothing else', () => {
  const partial = { endpoints: whole.endpoints, mode: 'blue' };
  assert.deepEqual(read(partial), nothing);
  assert.deepEqual(read(partial, true).endpoints.length, 1);
  assert.equal(read(partial, true).http, null);
  assert.deepEqual(read({ httpVsockPort: 3000, httpTcpPort: 3000, mode: 'blue' }, true), nothing);
});

test('an application’s own config opens nothing, and one that misses argonaut’s form by a fault says so', () => {
  for (const value of [{}, { endpoints: 'https://example.com' }, { endpoints: [1] }, [], 5, { httpPort: 1 }])
    assert.deepEqual(read(value), nothing);
  assert.deepEqual(readConfigWays(Buffer.from('not JSON'), { takesEndpoints: true }), nothing);
  const [warning] = read({ ...whole, endpoints: [{ host: 'a b', vsockPort: 1 }] }).warnings;
  assert.match(warning ?? '', /^no way of it is opened on this side: endpoints\[0\]\.host /);
});

test('what the enclave would let pass and the parent must not is refused: credentials, the port of heartbeats', () => {
  const refuse = (endpoint: object, message: RegExp): void => {
    const refused = { code: 'HOST_CONFIG_WAYS', message };
    assert.throws(() => read({ endpoints: [{ host: 'a.io', vsockPort: 1, ...endpoint }] }, true), refused);
  };
  for (const host of ['169.254.169.254', '0xa9fea9fe', '169.254.170.2'])
    refuse({ host }, /^ways of the boot config: endpoints\[0\]\.host must not be an address that hands out/);
  refuse({ vsockPort: 9000 }, /endpoints\[0\]\.vsockPort must not be 9000/);
  refuse({ vsockPort: 0 }, /endpoints\[0\]\.vsockPort/);
  assert.throws(() => read({ ...whole, httpPort: 70_000 }, true), { message: /httpPort must be an integer in 1/ });
  assert.deepEqual(read({ ...whole, endpoints: [{ host: '127.0.0.1', vsockPort: 8100 }] }).warnings.length, 1);
});

test('of a signed config it is what is signed', async () => {
  const { publicKey, privateKey } = generateKeyPairSync('ed25519');
  const spki = new Uint8Array(publicKey.export({ type: 'spki', format: 'der' }));
  const pkcs8 = privateKey.export({ type: 'pkcs8', format: 'der' });
  const key = await crypto.subtle.importKey('pkcs8', pkcs8, 'Ed25519', false, ['sign']);
  const content = { version: 1, notAfter: 2_000_000_000, operators: null, config: bytes(whole) };
  const signed = await signConfig({ ...content, target: { kind: 'label', label: 'x' } }, key, spki);
  assert.equal(readConfigWays(signed, { takesEndpoints: false }).http?.hostPort, 8080);
  assert.deepEqual(readConfigWays(signed.subarray(0, 40), { takesEndpoints: true }), nothing);
});

test('whatever stands in a config, its ways are ports and hosts that can be, or there is an error with a code', () => {
  const port = fc.oneof(fc.integer({ min: -1, max: 70_000 }), fc.constantFrom(9000, 1.5, '80', null));
  const endpoint = fc.record(
    { host: fc.constantFrom('a.io', '169.254.169.254', 'a b', '127.0.0.1', 5), vsockPort: port, tcpPort: port },
    { requiredKeys: [] },
  );
  const config = fc.record(
    { httpPort: port, httpVsockPort: port, httpTcpPort: port, endpoints: fc.oneof(fc.array(endpoint), port) },
    { requiredKeys: [] },
  );
  const isPort = (value: number): boolean => Number.isInteger(value) && value >= 1 && value <= 65_535;
  fc.assert(
    fc.property(config, fc.boolean(), (value, takesEndpoints) => {
      try {
        const { endpoints, http } = read(value, takesEndpoints);
        for (const { host, tcpPort, vsockPort } of endpoints)
          assert.ok(['a.io', '127.0.0.1'].includes(host) && isPort(tcpPort) && isPort(vsockPort) && vsockPort !== 9000);
        if (http !== null) assert.ok(Object.values(http).every(isPort));
      } catch (error) {
        assert.ok(error instanceof CaissonError && error.code === 'HOST_CONFIG_WAYS', String(error));
      }
    }),
    { seed: 1, numRuns: 500 },
  );
});

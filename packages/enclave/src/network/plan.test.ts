// What an image measures and a config adds, as bridges: every way has its place, and two that want one thing are named and refused.
import { deepEqual, match, ok, throws } from 'node:assert/strict';
import { test } from 'node:test';
import { formatAddress, toCid } from '@caisson/core/address';
import { CaissonError } from '@caisson/core/errors';
import { checkBridgeRule } from '@caisson/link/bridge';
import fc from 'fast-check';
import { type NetworkTerms, planNetwork, readConfigNetwork } from './index.ts';

const knobs = { maxConnections: 10, idleTimeoutMs: 1_000 };
const cid = toCid(16);
const empty: NetworkTerms['image'] = {
  ingress: [],
  egress: [],
  healthPort: 5000,
  components: ['network'],
  config: { endpoints: null },
};
const read = (value: unknown) => readConfigNetwork(Buffer.from(JSON.stringify(value)));
const plan = (image: Partial<NetworkTerms['image']>, config?: unknown) =>
  planNetwork({ image: { ...empty, ...image }, config: config === undefined ? null : read(config), cid, knobs });
const shown = ({ bridges }: ReturnType<typeof plan>) =>
  bridges.map(({ rule }) => [rule.name, formatAddress(rule.listen), formatAddress(rule.dial)]);

test('the image’s places lead to the ports that the parent keeps for this CID, the config’s to its own', () => {
  const planned = plan(
    {
      ingress: [{ vsockPort: 3000, targetPort: 8080 }],
      egress: [
        { host: 'api.example.com', port: 443 },
        { host: 'db.example.com', port: 5432 },
        { host: 'API.example.com', port: 8443 },
      ],
    },
    {
      schemaVersion: 'v0.1',
      httpVsockPort: 3001,
      httpTcpPort: 8081,
      endpoints: [{ host: 'sui.io', vsockPort: 8100 }],
      own: 1,
    },
  );
  deepEqual(shown(planned), [
    ['ingress[0]', 'vsock:any:3000', 'tcp:127.0.0.1:8080'],
    ['httpVsockPort', 'vsock:any:3001', 'tcp:127.0.0.1:8081'],
    ['egress[0] (api.example.com:443)', 'tcp:127.0.1.64:443', 'vsock:3:1073745936'],
    ['egress[1] (db.example.com:5432)', 'tcp:127.0.1.65:5432', 'vsock:3:1073745937'],
    ['egress[2] (API.example.com:8443)', 'tcp:127.0.1.64:8443', 'vsock:3:1073745938'],
    ['endpoints[0] (sui.io)', 'tcp:127.0.0.64:443', 'vsock:3:8100'],
  ]);
  deepEqual(
    planned.hosts.map(({ address, host }) => [address, host.toLowerCase()]),
    [
      ['127.0.1.64', 'api.example.com'],
      ['127.0.1.65', 'db.example.com'],
      ['127.0.0.64', 'sui.io'],
    ],
  );
  for (const { rule } of planned.bridges) checkBridgeRule(rule);
});

test('a config that says what the image says already adds nothing, and one without a network adds none', () => {
  const ingress = [{ vsockPort: 3000, targetPort: 8080 }];
  deepEqual(shown(plan({ ingress }, { httpVsockPort: 3000, httpTcpPort: 8080 })).length, 1);
  deepEqual(shown(plan({}, { schemaVersion: 'mine', debug: true })), []);
  deepEqual(shown(plan({})), []);
});

test('two that want one port, address or name are refused, both by name', () => {
  const api = { host: 'api.example.com', port: 443 };
  const cases: [Partial<NetworkTerms['image']>, unknown, RegExp][] = [
    [
      {
        ingress: [
          { vsockPort: 1, targetPort: 2 },
          { vsockPort: 1, targetPort: 3 },
        ],
      },
      undefined,
      /vsock port 1 is wanted by ingress\[0\] and by ingress\[1\]/,
    ],
    [
      { ingress: [{ vsockPort: 5000, targetPort: 2 }] },
      undefined,
      /port 5000 is wanted by the health port and by ingress/,
    ],
    [{ ingress: [{ vsockPort: 7778, targetPort: 2 }] }, undefined, /wanted by the boot config and by ingress/],
    [
      { components: ['control'], ingress: [{ vsockPort: 53000, targetPort: 2 }] },
      undefined,
      /wanted by the control channel/,
    ],
    [
      { ingress: [{ vsockPort: 3000, targetPort: 8080 }] },
      { httpVsockPort: 3000, httpTcpPort: 8081 },
      /vsock port 3000 is wanted by ingress\[0\] and by httpVsockPort/,
    ],
    [{ egress: [api, api] }, undefined, /address 127\.0\.1\.64:443 is wanted by egress\[0\] .* and by egress\[1\]/],
    [
      { egress: [api] },
      { endpoints: [{ host: 'API.example.com', vsockPort: 8100 }] },
      /host API\.example\.com is wanted by egress\[0\] \(api\.example\.com:443\) and by endpoints\[0\]/,
    ],
    [
      { egress: [api] },
      { endpoints: [{ host: 'other', vsockPort: 8100, localIP: '127.0.1.64' }] },
      /address 127\.0\.1\.64:443 is wanted by egress\[0\]/,
    ],
    [
      {},
      {
        httpVsockPort: 3000,
        httpTcpPort: 8080,
        endpoints: [{ host: 'a', vsockPort: 1, localIP: '127.0.0.1', localPort: 8080 }],
      },
      /wanted by the application behind httpVsockPort and by endpoints\[0\]/,
    ],
  ];
  for (const [image, config, message] of cases) {
    throws(() => plan(image, config), { name: 'PolicyError', code: 'NETWORK_CONFLICT', message });
  }
  deepEqual(shown(plan({ healthPort: null, ingress: [{ vsockPort: 5000, targetPort: 2 }] })).length, 1);
});

test('the config’s endpoints are held to the list that the image measures', () => {
  const image = { config: { endpoints: [{ host: 'Sui.io', port: 443 }] } };
  deepEqual(shown(plan(image, { endpoints: [{ host: 'sui.io', vsockPort: 8100 }] })).length, 1);
  throws(() => plan(image, { endpoints: [{ host: 'sui.io', vsockPort: 8100, tcpPort: 80 }] }), {
    code: 'EGRESS_POLICY',
  });
});

test('what a config says about the network is judged whole, with its place', () => {
  const faults: [unknown, RegExp][] = [
    [[], /must be a JSON object, got an array/],
    [{ endpoints: {} }, /endpoints must be an array of at most 191, got an object/],
    [{ endpoints: [{ host: 'a b', vsockPort: 1 }] }, /endpoints\[0\]\.host/],
    [{ endpoints: [{ host: 'a', vsockPort: 1, extra: 1 }] }, /endpoints\[0\]\.extra/],
    [{ httpVsockPort: 3000 }, /httpTcpPort must be an integer in 1\.\.65535, got nothing/],
    [{ httpTcpPort: '1', httpVsockPort: 1 }, /httpTcpPort must be an integer in 1\.\.65535, got "1"/],
    [{ schemaVersion: 'v0.2', httpVsockPort: 1, httpTcpPort: 2 }, /schemaVersion must be "v0.1" or absent/],
  ];
  for (const [value, message] of faults) throws(() => read(value), { code: 'NETWORK_CONFIG', message });
});

test('any image and any config give a plan whose addresses are all different, or an error with a code', () => {
  const port = fc.integer({ min: 1, max: 9 });
  const host = fc.constantFrom('a', 'b', 'A', 'c.d');
  const image = fc.record({
    ingress: fc.array(fc.record({ vsockPort: port, targetPort: port }), { maxLength: 4 }),
    egress: fc.array(fc.record({ host, port }), { maxLength: 4 }),
    healthPort: fc.option(port),
  });
  const config = fc.record(
    {
      httpVsockPort: port,
      httpTcpPort: port,
      endpoints: fc.array(fc.record({ host, vsockPort: port, localPort: port }), { maxLength: 3 }),
    },
    { requiredKeys: [] },
  );
  let planned = 0;
  fc.assert(
    fc.property(image, fc.option(config, { nil: undefined }), (one, other) => {
      try {
        const { bridges, hosts } = plan(one, other);
        const listens = bridges.map(({ rule }) => formatAddress(rule.listen));
        deepEqual(new Set(listens).size, listens.length);
        deepEqual(new Set(hosts.map((entry) => entry.host.toLowerCase())).size, hosts.length);
        planned += 1;
      } catch (error) {
        ok(error instanceof CaissonError, String(error));
        match(error.code, /^NETWORK_/);
      }
    }),
    { seed: 1, numRuns: 2_000 },
  );
  ok(planned > 200, `${planned} plans`);
});

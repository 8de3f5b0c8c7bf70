// Schema v0.1 in both modes: what it takes, every fault with its message, and several faults at once.
import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import { checkArgonautConfig, classifyHost, MAX_CONFIG_BYTES, parseArgonautConfig } from './index.ts';

const bytesOf = (text: string): Uint8Array => new TextEncoder().encode(text);
const base = { httpPort: 8080, httpVsockPort: 3000, httpTcpPort: 3001, endpoints: [] as unknown[] };
const endpoint = { host: 'sui.io', vsockPort: 8443 };

function messages(config: unknown, mode: 'host' | 'enclave' = 'host'): string[] {
  const result = checkArgonautConfig(bytesOf(typeof config === 'string' ? config : JSON.stringify(config)), mode);
  return 'faults' in result ? result.faults.map(({ message }) => message) : [];
}

test('reads a full config in both modes and fills in the defaults', () => {
  const text = bytesOf(
    JSON.stringify({
      ...base,
      schemaVersion: 'v0.1',
      endpoints: [endpoint, { host: 'a_b-c.d', vsockPort: 1, tcpPort: 80, localPort: 65535, localIP: '127.9.0.1' }],
    }),
  );
  const endpoints = [
    { host: 'sui.io', vsockPort: 8443, tcpPort: 443, localPort: 443, localIp: '127.0.0.64' },
    { host: 'a_b-c.d', vsockPort: 1, tcpPort: 80, localPort: 65535, localIp: '127.9.0.1' },
  ];
  const both = { schemaVersion: 'v0.1', httpVsockPort: 3000, endpoints, warnings: [] };
  assert.deepEqual(parseArgonautConfig(text, 'host'), {
    ...both,
    mode: 'host',
    httpPort: 8080,
    httpTcpPort: undefined,
  });
  assert.deepEqual(parseArgonautConfig(text, 'enclave'), {
    ...both,
    mode: 'enclave',
    httpPort: undefined,
    httpTcpPort: 3001,
  });
});

test('needs only the ports of its own mode', () => {
  assert.deepEqual(messages({ httpPort: 1, httpVsockPort: 2, endpoints: [] }, 'host'), []);
  assert.deepEqual(messages({ httpTcpPort: 1, httpVsockPort: 2, endpoints: [] }, 'enclave'), []);
  assert.deepEqual(messages({ httpTcpPort: 1, httpVsockPort: 2, httpPort: 0, endpoints: [] }, 'enclave'), []);
  assert.deepEqual(messages({ endpoints: [] }, 'host'), [
    'httpPort must be an integer in 1..65535, got nothing',
    'httpVsockPort must be an integer in 1..65535, got nothing',
  ]);
  assert.deepEqual(messages({ endpoints: [] }, 'enclave'), [
    'httpVsockPort must be an integer in 1..65535, got nothing',
    'httpTcpPort must be an integer in 1..65535, got nothing',
  ]);
  assert.deepEqual(messages({ ...base, httpPort: 70000 }, 'enclave'), [
    'httpPort must be an integer in 1..65535, got 70000',
  ]);
});

test('lets unknown top-level keys through, __proto__ among them', () => {
  assert.deepEqual(
    messages('{"httpPort":1,"httpVsockPort":2,"endpoints":[],"__proto__":{"httpPort":0},"app":{"deep":[{}]}}'),
    [],
  );
});

test('names each fault with its path', () => {
  const cases: readonly [unknown, string][] = [
    [[], 'config must be a JSON object, got an array of 0'],
    ['"x"', 'config must be a JSON object, got "x"'],
    ['{"endpoints":[]} 1', 'JSON text must end after the first value, got "1" at byte 17, line 1, column 18'],
    ['{"endpoints":[],"endpoints":[]}', 'JSON key endpoints is given twice, again at byte 16, line 1, column 17'],
    [{ ...base, schemaVersion: 'v0.2' }, 'schemaVersion must be "v0.1" or absent, got "v0.2"'],
    [{ ...base, schemaVersion: null }, 'schemaVersion must be "v0.1" or absent, got null'],
    [{ ...base, schemaVersion: '' }, 'schemaVersion must be "v0.1" or absent, got ""'],
    [{ ...base, endpoints: undefined }, 'endpoints must be an array, got nothing'],
    [{ ...base, endpoints: null }, 'endpoints must be an array, got null'],
    [{ ...base, endpoints: {} }, 'endpoints must be an array, got an object of 0 keys'],
    [{ ...base, endpoints: [7] }, 'endpoints[0] must be an object, got 7'],
  ];
  for (const [config, message] of cases) assert.deepEqual(messages(config), [message]);
});

test('names each fault of a port, whatever stands there', () => {
  const values = [
    '0',
    '65536',
    '70000',
    '-1',
    '-0',
    '1.0',
    '0.5',
    '1e2',
    '1e400',
    '"443"',
    'true',
    'null',
    '[]',
    '{}',
    '99999999999999999999',
  ];
  const shown = (value: string): string => ({ '[]': 'an array of 0', '{}': 'an object of 0 keys' })[value] ?? value;
  for (const value of values) {
    assert.deepEqual(messages(`{"httpPort":${value},"httpVsockPort":2,"endpoints":[]}`), [
      `httpPort must be an integer in 1..65535, got ${shown(value)}`,
    ]);
    for (const key of ['vsockPort', 'tcpPort', 'localPort']) {
      const vsock = key === 'vsockPort' ? '' : '"vsockPort":1,';
      assert.deepEqual(
        messages(`{"httpPort":1,"httpVsockPort":2,"endpoints":[{"host":"h",${vsock}"${key}":${value}}]}`),
        [`endpoints[0].${key} must be an integer in 1..65535, got ${shown(value)}`],
      );
    }
  }
});

test('names each fault of an endpoint', () => {
  const long = `${'a'.repeat(64)}.io`;
  const cases: readonly [object, string][] = [
    [{ vsockPort: 1 }, '.host must be a non-empty string, got nothing'],
    [{ vsockPort: 1, host: 7 }, '.host must be a non-empty string, got 7'],
    [{ vsockPort: 1, host: '' }, '.host must be a non-empty string'],
    [{ vsockPort: 1, host: `${'a.'.repeat(126)}bc` }, '.host must have at most 253 characters, got 254'],
    [
      { vsockPort: 1, host: 'evil.com localhost' },
      '.host must contain only letters, digits, ".", "_" and "-", got " " at 8',
    ],
    [
      { vsockPort: 1, host: 'evil.com\n127.0.0.1 admin' },
      '.host must contain only letters, digits, ".", "_" and "-", got "\\n" at 8',
    ],
    [
      { vsockPort: 1, host: 'fd00:ec2::254' },
      '.host must contain only letters, digits, ".", "_" and "-", got ":" at 4',
    ],
    [{ vsockPort: 1, host: 'bücher.de' }, '.host must contain only letters, digits, ".", "_" and "-", got "ü" at 1'],
    [{ vsockPort: 1, host: '.a' }, '.host must have no empty label, got ".a"'],
    [{ vsockPort: 1, host: 'a.' }, '.host must have no empty label, got "a."'],
    [{ vsockPort: 1, host: 'a..b' }, '.host must have no empty label, got "a..b"'],
    [{ vsockPort: 1, host: long }, '.host must have labels of at most 63 characters, got 64'],
    [{ host: 'a' }, '.vsockPort must be an integer in 1..65535, got nothing'],
    [
      { ...endpoint, port: 1 },
      '.port is no key of an endpoint; known are host, vsockPort, tcpPort, localPort, localIP',
    ],
    [
      { ...endpoint, localIp: '127.0.0.1' },
      '.localIp is no key of an endpoint; known are host, vsockPort, tcpPort, localPort, localIP',
    ],
    ...['', '10.0.0.1', '127.0.0.256', '127.0.0', '127.0.0.01', '::1', ' 127.0.0.1', '127.0.0.1 x'].map(
      (ip): [object, string] => [
        { ...endpoint, localIP: ip },
        `.localIP must be an IPv4 loopback address in 127.0.0.0/8, got "${ip}"`,
      ],
    ),
    [{ ...endpoint, localIP: null }, '.localIP must be an IPv4 loopback address in 127.0.0.0/8, got null'],
  ];
  for (const [entry, message] of cases) {
    for (const mode of ['host', 'enclave'] as const) {
      assert.deepEqual(messages({ ...base, endpoints: [entry] }, mode), [`endpoints[0]${message}`]);
    }
  }
  assert.deepEqual(
    messages('{"httpPort":1,"httpVsockPort":2,"endpoints":[{"host":"h","vsockPort":1,"__proto__":1}]}'),
    ['endpoints[0].__proto__ is no key of an endpoint; known are host, vsockPort, tcpPort, localPort, localIP'],
  );
});

test('refuses two endpoints with one name, one vsock port or one local address', () => {
  const pairs: readonly [object, object, string][] = [
    [
      { host: 'A.io', vsockPort: 1 },
      { host: 'a.IO', vsockPort: 2 },
      'endpoints[1].host duplicates endpoints[0].host, got a.io',
    ],
    [
      { host: 'a', vsockPort: 1 },
      { host: 'b', vsockPort: 1 },
      'endpoints[1].vsockPort duplicates endpoints[0].vsockPort, got 1',
    ],
    [
      { host: 'a', vsockPort: 1, localIP: '127.0.0.65' },
      { host: 'b', vsockPort: 2 },
      'endpoints[1] local bind address duplicates endpoints[0], got 127.0.0.65:443',
    ],
  ];
  for (const [first, second, message] of pairs)
    assert.deepEqual(messages({ ...base, endpoints: [first, second] }), [message]);
  const sameIp = { localIP: '127.0.0.1' };
  const apart = [
    { ...sameIp, host: 'a', vsockPort: 1, localPort: 1 },
    { ...sameIp, host: 'b', vsockPort: 2, localPort: 2 },
  ];
  assert.deepEqual(messages({ ...base, endpoints: apart }), []);
});

test('takes 191 endpoints up to 127.0.0.254 and not one more', () => {
  const many = (count: number): unknown[] =>
    Array.from({ length: count }, (_, n) => ({ host: `h${n}`, vsockPort: n + 1 }));
  const config = parseArgonautConfig(bytesOf(JSON.stringify({ ...base, endpoints: many(191) })), 'enclave');
  assert.equal(config.endpoints[190]?.localIp, '127.0.0.254');
  assert.deepEqual(messages({ ...base, endpoints: many(192) }), ['endpoints must have at most 191 entries, got 192']);
});

test('takes 1,048,576 bytes and refuses one more', () => {
  const text = JSON.stringify({ ...base, filler: '' });
  const full = (extra: number): string =>
    text.replace('"filler":""', `"filler":"${'x'.repeat(MAX_CONFIG_BYTES - text.length + extra)}"`);
  assert.deepEqual(messages(full(0)), []);
  assert.deepEqual(messages(full(1)), ['JSON text must have at most 1048576 bytes, got 1048577']);
});

test('lists every fault of a config, in the order of the schema', () => {
  const config = {
    schemaVersion: 2,
    httpVsockPort: 'x',
    endpoints: [{ host: 'a b', vsockPort: 0, x: 1 }, 5, { host: 'ok', vsockPort: 70000 }],
  };
  assert.deepEqual(messages(config), [
    'schemaVersion must be "v0.1" or absent, got 2',
    'httpPort must be an integer in 1..65535, got nothing',
    'httpVsockPort must be an integer in 1..65535, got "x"',
    'endpoints[0].x is no key of an endpoint; known are host, vsockPort, tcpPort, localPort, localIP',
    'endpoints[0].host must contain only letters, digits, ".", "_" and "-", got " " at 1',
    'endpoints[0].vsockPort must be an integer in 1..65535, got 0',
    'endpoints[1] must be an object, got 5',
    'endpoints[2].vsockPort must be an integer in 1..65535, got 70000',
  ]);
  assert.throws(() => parseArgonautConfig(bytesOf(JSON.stringify(config)), 'host'), {
    code: 'CONFIG_FAULT',
    message: 'invalid host config: schemaVersion must be "v0.1" or absent, got 2',
    hint: /^7 more/,
  });
});

test('counts positions as the file does when an entry before is no object', () => {
  const config = { ...base, endpoints: [5, { host: 'a', vsockPort: 1 }, { host: 'A', vsockPort: 2 }] };
  assert.deepEqual(messages(config), [
    'endpoints[0] must be an object, got 5',
    'endpoints[2].host duplicates endpoints[1].host, got a',
  ]);
});

test('refuses addresses that hand out credentials on the host, in every spelling, unless allowed', () => {
  const spellings = [
    '169.254.169.254',
    '169.254.170.2',
    '169.254.170.23',
    '2852039166',
    '0xa9fea9fe',
    '0XA9.0xfe.43518',
    '0251.0376.0251.0376',
    '169.16689662',
  ];
  for (const host of spellings) {
    const config = { ...base, endpoints: [{ host, vsockPort: 1 }] };
    assert.deepEqual(messages(config), [
      `endpoints[0].host must not be an address that hands out this machine's credentials, got "${host}"`,
    ]);
    assert.deepEqual(messages(config, 'enclave'), []);
    assert.ok('config' in checkArgonautConfig(bytesOf(JSON.stringify(config)), 'host', { allowMetadata: true }), host);
  }
  for (const host of [
    '169.254.169.253',
    '169.254.170.3',
    'a9fea9fe',
    '169.254.169.254.nip.io',
    '0xa9fea9fe1',
    '256.1',
  ]) {
    assert.equal(classifyHost(host), undefined, host);
  }
});

test('warns once, with every path, of endpoints on the loopback of the host', () => {
  const hosts = ['localhost', 'db.LOCALHOST', '127.0.0.1', '127.1', '0', '0x7f000001', 'sui.io'];
  const text = bytesOf(JSON.stringify({ ...base, endpoints: hosts.map((host, n) => ({ host, vsockPort: n + 1 })) }));
  const { warnings } = parseArgonautConfig(text, 'host');
  assert.equal(warnings.length, 1);
  for (const [index, host] of hosts.slice(0, 6).entries())
    assert.ok(warnings[0]?.includes(`endpoints[${index}].host (${host})`));
  assert.ok(!warnings[0]?.includes('sui.io'));
  assert.deepEqual(parseArgonautConfig(text, 'enclave').warnings, []);
});

test('never throws, and finds a config or at least one fault, for any JSON', () => {
  const value = fc.oneof(fc.jsonValue(), fc.constantFrom<unknown>('h', 'v0.1', 443, 0, null, [], {}));
  const entry = fc.record(
    { host: value, vsockPort: value, tcpPort: value, localPort: value, localIP: value },
    { requiredKeys: [] },
  );
  const config = fc.record(
    {
      schemaVersion: value,
      httpPort: value,
      httpVsockPort: value,
      httpTcpPort: value,
      endpoints: fc.oneof(value, fc.array(entry, { maxLength: 5 })),
    },
    { requiredKeys: [] },
  );
  fc.assert(
    fc.property(config, fc.constantFrom('host' as const, 'enclave' as const), (candidate, mode) => {
      const result = checkArgonautConfig(bytesOf(JSON.stringify(candidate)), mode);
      if ('config' in result) {
        for (const { vsockPort, tcpPort, localPort, localIp, host } of result.config.endpoints) {
          for (const port of [vsockPort, tcpPort, localPort]) assert.ok(port >= 1 && port <= 65535);
          assert.match(host, /^[A-Za-z0-9._-]{1,253}$/);
          assert.match(localIp, /^127\./);
        }
      } else {
        assert.ok(result.faults.length > 0);
        for (const { path, message } of result.faults) assert.ok(message.startsWith(path));
      }
    }),
    { seed: 1, numRuns: 3000 },
  );
});

test('never throws for any bytes', () => {
  fc.assert(
    fc.property(fc.uint8Array({ maxLength: 200 }), (bytes) => {
      assert.ok('faults' in checkArgonautConfig(bytes, 'host'));
    }),
    { seed: 1, numRuns: 2000 },
  );
});

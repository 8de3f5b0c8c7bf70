// The measured policy: what it allows, what it refuses with its index, and that a policy with a fault allows nothing.
import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import { parseEgressPolicy, verifyEgress } from './index.ts';

const bytesOf = (value: unknown): Uint8Array => Buffer.from(typeof value === 'string' ? value : JSON.stringify(value));
const endpoint = (host: string, tcpPort: number) => ({
  host,
  tcpPort,
  vsockPort: 1,
  localPort: 1,
  localIp: '127.0.0.64',
});

test('allows exactly the listed pairs of host and port, whatever their case', () => {
  const policy = parseEgressPolicy(
    bytesOf({
      endpoints: [
        { host: 'Sui.io', tcpPort: 443 },
        { host: 'b.io', tcpPort: 80 },
      ],
    }),
  );
  verifyEgress([], policy);
  verifyEgress([endpoint('sui.IO', 443), endpoint('b.io', 80)], policy);
  assert.throws(() => verifyEgress([endpoint('sui.io', 443), endpoint('b.io', 443)], policy), {
    code: 'EGRESS_POLICY',
    message: 'endpoints[1] must be one of the 2 endpoints of the policy, got b.io:443',
  });
  assert.throws(() => verifyEgress([endpoint('x.sui.io', 443)], policy), { code: 'EGRESS_POLICY' });
});

test('allows nothing when its list is empty', () => {
  const policy = parseEgressPolicy(bytesOf({ endpoints: [] }));
  assert.throws(() => verifyEgress([endpoint('sui.io', 443)], policy), {
    code: 'EGRESS_POLICY',
    message: /^endpoints\[0\]/,
  });
});

test('names each fault of a policy file', () => {
  const cases: readonly [unknown, string][] = [
    ['[]', 'egress policy must be a JSON object, got an array of 0'],
    [
      '{"endpoints":[]',
      'egress policy: JSON text must have a comma or a closing brace here, got the end at byte 15, line 1, column 16',
    ],
    [
      '{"endpoints":[],"endpoints":[]}',
      'egress policy: JSON key endpoints is given twice, again at byte 16, line 1, column 17',
    ],
    [{}, 'egress policy endpoints must be an array, got nothing'],
    [{ endpoints: [], allow: '*' }, 'egress policy has an unknown key "allow"'],
    [{ endpoints: ['sui.io'] }, 'egress policy endpoints[0] must be an object, got "sui.io"'],
    [{ endpoints: [{ tcpPort: 443 }] }, 'egress policy endpoints[0].host must be a non-empty string, got nothing'],
    [
      { endpoints: [{ host: '*.sui.io', tcpPort: 443 }] },
      'egress policy endpoints[0].host must contain only letters, digits, ".", "_" and "-", got "*" at 0',
    ],
    [
      { endpoints: [{ host: 'sui.io' }] },
      'egress policy endpoints[0].tcpPort must be an integer in 1..65535, got nothing',
    ],
    [
      { endpoints: [{ host: 'sui.io', tcpPort: 0 }] },
      'egress policy endpoints[0].tcpPort must be an integer in 1..65535, got 0',
    ],
    [
      { endpoints: [{ host: 'sui.io', tcpPort: 443, any: true }] },
      'egress policy endpoints[0] has an unknown key "any"',
    ],
  ];
  for (const [policy, message] of cases) {
    assert.throws(() => parseEgressPolicy(bytesOf(policy)), { code: 'EGRESS_POLICY_FILE', message });
  }
});

test('throws only its own error for any bytes', () => {
  const text = fc.oneof(
    fc.uint8Array({ maxLength: 60 }),
    fc.jsonValue().map((value) => bytesOf({ endpoints: value })),
  );
  fc.assert(
    fc.property(text, (bytes) => {
      try {
        parseEgressPolicy(bytes);
      } catch (error) {
        assert.equal((error as { code: string }).code, 'EGRESS_POLICY_FILE');
      }
    }),
    { seed: 1, numRuns: 2000 },
  );
});

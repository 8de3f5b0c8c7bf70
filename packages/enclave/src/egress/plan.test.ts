// The bridges that a config gives in the enclave, address by address.
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { formatAddress } from '@caisson/core/address';
import { parseArgonautConfig } from '@caisson/core/config';
import { parseArgonautKnobs } from '@caisson/link/argonaut';
import { checkBridgeRule } from '@caisson/link/bridge';
import { planEnclaveBridges } from './index.ts';

const config = parseArgonautConfig(
  Buffer.from(
    JSON.stringify({
      httpVsockPort: 3000,
      httpTcpPort: 3001,
      endpoints: [
        { host: 'sui.io', vsockPort: 8100 },
        { host: 'b.io', vsockPort: 8101, tcpPort: 80, localPort: 81, localIP: '127.0.0.1' },
      ],
    }),
  ),
  'enclave',
);

test('leads HTTP in from any vsock peer to the application on 127.0.0.1, and each endpoint out to the parent', () => {
  const { knobs } = parseArgonautKnobs({ ARGONAUT_MAX_CONNECTIONS: '7', ARGONAUT_IDLE_TIMEOUT: '90s' });
  const plan = planEnclaveBridges(config, knobs);
  assert.deepEqual(
    plan.map(({ rule, label }) => [rule.name, label.direction, formatAddress(rule.listen), formatAddress(rule.dial)]),
    [
      ['inbound', 'inbound', 'vsock:any:3000', 'tcp:127.0.0.1:3001'],
      ['endpoints[0] (sui.io)', 'outbound', 'tcp:127.0.0.64:443', 'vsock:3:8100'],
      ['endpoints[1] (b.io)', 'outbound', 'tcp:127.0.0.1:81', 'vsock:3:8101'],
    ],
  );
  for (const { rule, label } of plan) {
    checkBridgeRule(rule);
    assert.equal(rule.limits.maxConnections, 7);
    assert.equal(rule.limits.idleTimeoutMs, 90_000);
    assert.equal(label.side, 'traffic');
  }
  assert.deepEqual(
    plan.map(({ rule }) => rule.limits.dialTimeoutMs),
    [30_000, 5_000, 5_000],
  );
});

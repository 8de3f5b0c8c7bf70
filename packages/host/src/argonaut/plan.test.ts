// The bridges that a config gives on the parent: who is served, where they lead, and what a file that must not be sent leads to.
import assert from 'node:assert/strict';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { test } from 'node:test';
import { formatAddress, toCid } from '@caisson/core/address';
import { parseArgonautConfig } from '@caisson/core/config';
import { parseArgonautKnobs } from '@caisson/link/argonaut';
import { checkBridgeRule } from '@caisson/link/bridge';
import type { Transport } from '@caisson/link/transport';
import type { Kernel } from '@caisson/sys';
import { planHostBridges, runHost } from './index.ts';

const cid = toCid(16);
const text = JSON.stringify({
  httpPort: 8080,
  httpVsockPort: 3000,
  endpoints: [
    { host: 'sui.io', vsockPort: 8100 },
    { host: 'b.io', vsockPort: 8101, tcpPort: 80 },
  ],
});

test('leads HTTP into the one enclave and serves its ways out to no other CID', () => {
  const { knobs } = parseArgonautKnobs({ ARGONAUT_HTTP_BIND_ADDR: '::1', ARGONAUT_MAX_CONNECTIONS: '9' });
  const plan = planHostBridges({
    cid,
    config: parseArgonautConfig(Buffer.from(text), 'host'),
    knobs,
    allowMetadata: false,
  });
  for (const { rule } of plan) checkBridgeRule(rule);
  assert.deepEqual(
    plan.map(({ rule }) => [rule.name, formatAddress(rule.listen), formatAddress(rule.dial), rule.peerCid]),
    [
      ['inbound', 'tcp:[::1]:8080', 'vsock:16:3000', undefined],
      ['endpoints[0] (sui.io)', 'vsock:any:8100', 'tcp:sui.io:443', 16],
      ['endpoints[1] (b.io)', 'vsock:any:8101', 'tcp:b.io:80', 16],
    ],
  );
  assert.deepEqual(
    plan.map(({ rule }) => [rule.limits.maxConnections, rule.limits.dialTimeoutMs]),
    [
      [9, 5_000],
      [9, 30_000],
      [9, 30_000],
    ],
  );
  assert.deepEqual(
    plan.map(({ rule }) => rule.allowMetadata),
    [undefined, false, false],
  );
});

test('lets the ways out reach credentials services only when that was asked for', () => {
  const { knobs } = parseArgonautKnobs({});
  const config = parseArgonautConfig(Buffer.from(text), 'host');
  const plan = planHostBridges({ cid, config, knobs, allowMetadata: true });
  assert.deepEqual(
    plan.map(({ rule }) => rule.allowMetadata),
    [undefined, true, true],
  );
});

test('dials nobody with a config that has a fault or is too large', async (t) => {
  const folder = mkdtempSync(join(tmpdir(), 'caisson-'));
  t.after(() => rmSync(folder, { recursive: true }));
  const configFile = join(folder, 'config.json');
  const transport = {
    connect() {
      throw new Error('must not be dialled');
    },
  } as unknown as Transport;
  const run = (content: string): Promise<void> => {
    writeFileSync(configFile, content);
    const kernel = { hasAddon: false } as Kernel;
    return runHost({ cid, configFile, env: {}, transport, kernel, say: () => {}, stop: new AbortController().signal });
  };
  await assert.rejects(run('{"httpPort":1,"httpVsockPort":1,"endpoints":[{"host":"169.254.169.254","vsockPort":1}]}'), {
    code: 'CONFIG_FAULT',
    message: /^invalid host config: endpoints\[0\]\.host must not be an address that hands out/,
  });
  await assert.rejects(run(`${text}${' '.repeat(1 << 20)}`), { code: 'ARGONAUT_INPUT_SIZE' });
  await assert.rejects(run(`${text}{}`), { code: 'CONFIG_FAULT', message: /must end after the first value/ });
});

// `lo` in network namespaces of our own: down before, up after, again without harm, and a clear error without the right.
import { deepEqual, equal } from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import { networkInterfaces } from 'node:os';
import { test } from 'node:test';
import { createLinuxKernel } from './linux-kernel.ts';
import { loadAddon } from './load.ts';

const canUnshare = spawnSync('unshare', ['-n', 'true']).status === 0;
const skip =
  loadAddon().addon === undefined ? 'the addon is not built' : !canUnshare && 'unshare -n needs root (or is missing)';

const probe = `
  import { existsSync } from 'node:fs';
  import { createServer, connect } from 'node:net';
  import { networkInterfaces } from 'node:os';
  import { createLinuxKernel } from ${JSON.stringify(new URL('linux-kernel.ts', import.meta.url).href)};
  const kernel = createLinuxKernel();
  const addresses = () => (networkInterfaces().lo ?? []).map(({ cidr }) => cidr).sort();
  const answers = (host) => new Promise((resolve) => {
    const server = createServer((socket) => socket.end('hello'));
    const settle = (seen) => { server.close(); resolve(seen); };
    server.on('error', (error) => settle(error.code)).listen(0, host, () =>
      connect(server.address().port, host).setTimeout(500, () => settle('silence')).unref()
        .on('error', (error) => settle(error.code)).on('data', (bytes) => settle(bytes.toString())));
  });
  const seen = { before: addresses(), ask: await answers('127.0.0.1') };
  try {
    await kernel.bringUpLoopback();
    await kernel.bringUpLoopback();
    // IPv6 may be off in this kernel; where it is on, ::1 comes with the interface.
    const v6 = existsSync('/proc/net/if_inet6');
    Object.assign(seen, { after: addresses(), v4: await answers('127.0.0.1'), v6: v6 ? await answers('::1') : 'hello' });
  } catch (error) {
    Object.assign(seen, { code: error.code, message: error.message, hint: error.hint });
  }
  process.stdout.write(JSON.stringify(seen), () => process.exit());
`;

function runProbe(...before: string[]): Record<string, unknown> {
  const words = [...before, process.execPath, '--conditions=caisson-source', '--input-type=module', '-e', probe];
  const { stdout, stderr, signal } = spawnSync(words[0] ?? '', words.slice(1), { encoding: 'utf8', timeout: 300_000 });
  equal(stderr, '');
  equal(signal, null);
  return JSON.parse(stdout) as Record<string, unknown>;
}

test('a new network namespace answers on 127.0.0.1 and ::1 after the call and not before it', { skip }, () => {
  const { before, ask, after, v4, v6 } = runProbe('unshare', '-n');
  deepEqual(before, []);
  equal(ask === 'hello', false);
  equal((after as string[]).includes('127.0.0.1/8'), true);
  equal(v4, 'hello');
  equal(v6, 'hello');
});

test('without CAP_NET_ADMIN it is EPERM and says which right is missing', { skip }, () => {
  const seen = runProbe('unshare', '-n', 'setpriv', '--bounding-set', '-net_admin', '--inh-caps', '-net_admin');
  equal(seen['code'], 'EPERM');
  equal(seen['message'], 'ioctl EPERM lo: cannot bring the loopback interface up');
  equal(seen['hint'], 'needs CAP_NET_ADMIN in the network namespace');
});

test('an interface that is up stays as it is', { skip }, async () => {
  const before = networkInterfaces()['lo'];
  await createLinuxKernel().bringUpLoopback();
  deepEqual(networkInterfaces()['lo'], before);
});

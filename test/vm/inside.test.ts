// The life of an enclave as its users see it, from images that `caisson build` makes: it waits for its config, takes it over either port,
// fixes it where a relying party can see it, brings its services up and back, is looked into and ended from inside.
import assert from 'node:assert/strict';
import { createHash } from 'node:crypto';
import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, before, test } from 'node:test';
import { parseHex } from '@caisson/core/bytes';
import { measureImage } from '@caisson/host/image';
import type { SeenMessage } from '@caisson/link/ready';
import { verifyDocument } from '@caisson/verify';
import { agentText, askAgent, buildProduct, caisson, hearLine, productSkip as skip } from './product.ts';
import { bootEnclave, type Enclave, rigFile, within } from './rig.ts';

const busybox = '/usr/lib/caisson/busybox';
const forever = `exec ${busybox} sleep 1000000`;
const agentPort = 8100;
const timeout = 300_000;

const files = {
  'caisson.yaml': `name: inside
profile: development
ingress: ["9100:${agentPort}"]
policy: { config: { expect: required, timeout: 120s, environment: [MODE] } }
services:
  agent: |
    ExecStart = "/usr/bin/node /app/agent.js"
    ReadyPort = 8100
    Requires = ["page"]
  db: |
    ExecStart = "${busybox} sh -c '${busybox} touch /run/db; ${forever}'"
    ReadyFile = "/run/db"
  api: |
    ExecStart = "${busybox} sh -c '${busybox} cat; echo; test -e /run/db && exec ${busybox} httpd -f -p 127.0.0.1:8081'"
    Requires = ["db"]
    ReadyPort = 8081
    StandardInput = "config"
  page: |
    ExecStart = "${busybox} sh -c 'echo mode $$MODE; ${busybox} touch /run/page; ${forever}'"
    Requires = ["api"]
    Restart = "always"
    ReadyFile = "/run/page"
`,
  'agent.js': agentText,
};
const config = '{"caisson":{"environment":{"MODE":"blue"}},"answer":42}';
const sha384 = createHash('sha384').update(config).digest();
const pcr16 = createHash('sha384').update(Buffer.alloc(48)).update(sha384).digest('hex');

let folder: string;
let image: string;
before(async () => {
  if (skip) return;
  folder = mkdtempSync(join(tmpdir(), 'caisson-inside-'));
  image = await buildProduct(folder, files);
});
after(() => !skip && rmSync(folder, { recursive: true }));

const inside = async (enclave: Enclave, argv: readonly string[], terms: { input?: string; uid?: number } = {}) => {
  const { status, stdout, stderr } = await askAgent(enclave, agentPort, { argv, ...terms });
  return { status, stdout, stderr };
};

function isAwaiting(one: SeenMessage): boolean {
  return one.kind === 'state' && one.reasons.some(({ code }) => code === 'config-awaited');
}

interface Listed {
  readonly result: { readonly services: readonly { readonly name: string; readonly active: boolean }[] };
}

test('an enclave refuses a bad config with its faults, takes a good one framed, is ready, and can be looked into', {
  skip,
  timeout,
}, async (context) => {
  const enclave = await bootEnclave({ image, cid: 51 });
  const line = await hearLine(enclave);
  const send = (input: string) => caisson(['config', 'send', '51'], { enclave, input });
  try {
    await line.heard('the wait for a config', isAwaiting);
    const early = await caisson(['wait', '51', '--timeout', '5'], { enclave });
    assert.equal(early.status, 3, early.stderr);
    assert.match(early.stdout, /^NOT READY[\s\S]*phase config: config-awaited/);

    const refused = await send('{"caisson":{"environment":{"OTHER":"red"}}}');
    assert.equal(refused.status, 1, refused.stderr);
    assert.match(refused.stderr, /caisson\.environment.*OTHER/);
    const taken = await send(config);
    assert.equal(taken.status, 0, taken.stderr);
    assert.match(taken.stderr, new RegExp(`config taken by CID 51: sha384 ${sha384.toString('hex')}`));

    const ready = await caisson(['wait', '51', '--timeout', '120', '--interval', '0.2', '--json'], { enclave });
    assert.equal(ready.status, 0, `${ready.stdout}${enclave.console()}`);
    assert.deepEqual(line.phases(), ['booting', 'config', 'services', 'ready']);
    const state = line.said.findLast((one) => one.kind === 'state');
    assert.ok(state?.kind === 'state' && state.configSha384 === sha384.toString('hex'), JSON.stringify(state));

    await context.test('services have the config on their input, in a file and around them', async () => {
      const kept = await inside(enclave, [busybox, 'cat', '/run/caisson/config.json']);
      assert.deepEqual(kept, { status: 0, stdout: config, stderr: '' });
      const api = await inside(enclave, ['/usr/bin/initctl', 'logs', 'api']);
      assert.ok(api.stdout.includes(config), api.stdout + api.stderr);
      assert.match((await inside(enclave, ['/usr/bin/initctl', 'logs', 'page'])).stdout, /\] mode blue\n/);
    });

    await context.test('initctl lists the services, and one that was killed comes back', async () => {
      const { stdout } = await inside(enclave, ['/usr/bin/initctl', 'list', '--json']);
      const { services } = (JSON.parse(stdout) as Listed).result;
      assert.deepEqual(
        services.map(({ name, active }) => `${name} ${active}`),
        ['agent true', 'api true', 'db true', 'network true', 'page true'],
      );
      const status = async () =>
        JSON.parse((await inside(enclave, ['/usr/bin/initctl', 'status', 'page', '--json'])).stdout);
      const { pid } = (await status()).result.status;
      await inside(enclave, ['/usr/bin/initctl', 'ps', 'kill', `${pid}`, '-s', 'KILL']);
      await line.heard(
        'the end of page',
        (one) => one.kind === 'state' && one.phase === 'degraded' && one.reasons[0]?.service === 'page',
      );
      const again = await caisson(['wait', '51', '--timeout', '120', '--interval', '0.1'], { enclave });
      assert.equal(again.status, 0, again.stdout);
      assert.notEqual((await status()).result.status.pid, pid);
    });

    await context.test(
      'its document names image and config, and no service can change what it says of them',
      async () => {
        const ask = `${JSON.stringify({ id: '1', method: 'ATT', nonce: 'a1'.repeat(32), publicKey: 'b2', userData: 'c3' })}\n`;
        const { stdout, stderr } = await inside(enclave, ['/usr/bin/caisson-enclave', 'nsm'], { input: ask });
        const answer = JSON.parse(stdout) as { ok: boolean; data: string };
        assert.ok(answer.ok, stdout + stderr);
        const { PCR0, PCR1, PCR2 } = await measureImage(image);
        const verified = await verifyDocument(parseHex(answer.data), {
          roots: [readFileSync(rigFile('pki/root.crt'), 'utf8')],
          maxAgeSeconds: 300,
          nonce: parseHex('a1'.repeat(32)),
          pcrs: { 0: PCR0, 1: PCR1, 2: PCR2, 16: pcr16 },
        });
        assert.equal(verified.debug, false);
        const device = await inside(enclave, [busybox, 'cat', '/dev/nsm'], { uid: 65_534 });
        assert.match(device.stderr, /\/dev\/nsm.*Permission denied/);
        const socket = await inside(enclave, ['/usr/bin/initctl', 'list'], { uid: 65_534 });
        assert.equal(socket.status, 1);
        assert.match(socket.stderr, /EACCES/);
      },
    );

    await context.test('a late config is told that it is too late', async () => {
      const late = await send(config);
      assert.equal(late.status, 1);
      assert.match(late.stderr, /caisson: vsock:51:7777 takes no config: nobody listens/);
    });

    void inside(enclave, ['/usr/bin/initctl', 'shutdown']).catch(() => {});
    assert.equal(await within(120_000, 'the end', enclave.exit), 0, enclave.console());
    assert.deepEqual(line.said.at(-1), { kind: 'final', exit: 0, code: 'stopped' });
    assert.equal(line.phases().at(-1), 'stopping');
  } finally {
    await line.close();
    await enclave.close();
  }
});

test('the same config raw is the same config, and a reboot asked for inside is told as one', {
  skip,
  timeout,
}, async () => {
  const enclave = await bootEnclave({ image, cid: 52 });
  const line = await hearLine(enclave);
  try {
    await line.heard('the wait for a config', isAwaiting);
    // What a cut stream would leave is no config, and the enclave goes on waiting.
    const cut = await caisson(['config', 'send', '52', '--raw'], { enclave, input: config.slice(0, -1) });
    assert.equal(cut.status, 0, `the raw port has no reply: ${cut.stderr}`);
    await line.heard(
      'the refusal',
      (one) => one.kind === 'state' && one.reasons.some(({ code }) => code === 'config-refused'),
    );
    const sent = await caisson(['config', 'send', '52', '--raw'], { enclave, input: config });
    assert.equal(sent.status, 0, sent.stderr);
    await line.heard(
      'ready',
      (one) => one.kind === 'state' && one.phase === 'ready' && one.configSha384 === sha384.toString('hex'),
    );
    const read = await inside(enclave, ['/usr/bin/argonaut', 'bogus']);
    assert.equal(read.status, 1, 'argonaut’s own code of usage');
    void inside(enclave, ['/usr/bin/initctl', 'reboot']).catch(() => {});
    assert.equal(await within(120_000, 'the end', enclave.exit), 0, enclave.console());
    assert.deepEqual(line.said.at(-1), { kind: 'final', exit: 0, code: 'rebooted' });
  } finally {
    await line.close();
    await enclave.close();
  }
});

// A run on a spot instance against a fake account: whatever fails, is lost or is interrupted at whichever call, nothing is left in the account and nothing
// on this machine. The scripts as they are typed, and the same code in this process for each call in turn.
import { deepEqual, equal, match, ok } from 'node:assert/strict';
import { once } from 'node:events';
import { mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, test } from 'node:test';
import { type CloudPlan, createFakeCloud } from '@caisson/testkit/cloud';
import { currentLane, laneFigure } from '@caisson/testkit/contract';
import { startProcess } from '@caisson/testkit/program';
import { runOnSpot } from '../../scripts/hardware/spot/run.ts';
import { readSpotSettings } from '../../scripts/hardware/spot/settings.ts';

const root = join(import.meta.dirname, '../..');
const folder = mkdtempSync(join(tmpdir(), 'caisson-cloud-'));
after(() => rmSync(folder, { recursive: true }));
const cloud = createFakeCloud(join(folder, 'cloud'));
const local = join(folder, 'tmp');
const artifacts = join(folder, 'artifacts');
const runCommand =
  'mkdir -p smoke-results && echo "$CAISSON_SMOKE_CPUS $ARGONAUT_SMOKE_HOST" >smoke-results/report && ./scripts/nitro-smoke.sh';
const given = {
  ...cloud.env,
  CAISSON_CI_PACK_DIR: cloud.pack,
  CAISSON_CI_SSH_CIDR: '192.0.2.99/32',
  CAISSON_CI_POLL: '1ms',
  CAISSON_CI_RUN_COMMAND: runCommand,
  CAISSON_CI_ARTIFACT_DIR: artifacts,
  CAISSON_SMOKE_CPUS: '4',
  ARGONAUT_SMOKE_HOST: "it's here",
  AWS_REGION: 'eu-test-1',
  TMPDIR: local,
};

interface Outcome {
  readonly code: number;
  readonly said: string;
  readonly output: string;
}

function begin(...plan: readonly CloudPlan[]): void {
  cloud.begin(...plan);
  for (const name of [local, artifacts]) rmSync(name, { recursive: true, force: true });
  mkdirSync(local);
}

/** Nothing in the account, nothing in the temporary folder. */
function left(): readonly string[] {
  return [...cloud.there(), ...readdirSync(local)];
}

/** In this process. The fake interrupts it with SIGWINCH, which nothing else uses. */
async function run(env: Readonly<Record<string, string>> = {}): Promise<Outcome> {
  const controller = new AbortController();
  const interrupt = (): void => controller.abort();
  process.on('SIGWINCH', interrupt);
  const before = process.env['TMPDIR'];
  process.env['TMPDIR'] = local;
  let [said, output] = ['', ''];
  const say = (line: string): void => {
    said += `${line}\n`;
  };
  const all = { ...process.env, ...given, ...env };
  try {
    const settings = readSpotSettings('smoke', all, say);
    const onOutput = (bytes: Buffer): void => {
      output += bytes.toString();
    };
    const code = await runOnSpot({ settings, env: all, home: root, stop: controller.signal, say, onOutput });
    return { code, said, output };
  } catch (error) {
    if (!controller.signal.aborted) throw error;
    return { code: 130, said, output };
  } finally {
    process.off('SIGWINCH', interrupt);
    if (before === undefined) delete process.env['TMPDIR'];
    else process.env['TMPDIR'] = before;
  }
}

/** As it is typed. */
async function type(script: string, env: Readonly<Record<string, string | undefined>> = {}): Promise<Outcome> {
  const terms = { env: { ...process.env, ...given, ...env } };
  const { code, out: output, err: said } = await startProcess([join(root, 'scripts', script)], terms).ended;
  return { code: code ?? -1, said, output };
}

test('a run makes an instance, prepares it, ships the packed folder, runs the command there, fetches its results, and leaves nothing', async () => {
  begin();
  const { code, said, output } = await type('aws-spot-nitro-smoke.sh');
  equal(code, 0, said);
  equal(output, 'smoked\n');
  match(said, /aws-spot: nothing is left in the account\n$/);
  deepEqual(left(), []);
  equal(readFileSync(join(artifacts, 'smoke-results/report'), 'utf8'), "4 it's here\n");
  equal(cloud.read('cidr'), '192.0.2.99/32\n');
  match(cloud.read('user-data'), /^#cloud-config\n[\s\S]*BEGIN OPENSSH PRIVATE KEY[\s\S]*shutdown, -h, "\+60"/);
  equal(cloud.read('tee'), '---\nmemory_mib: 1024\ncpu_count: 4\n');
  match(cloud.read('instance-calls'), /dnf install -y -q aws-nitro-enclaves-cli aws-nitro-enclaves-cli-devel/);
  const calls = cloud.calls();
  ok(calls.every((call) => !/^aws/.test(call) || call.includes('--region eu-test-1')));
  const launch = calls.find((call) => call.startsWith('aws ec2 run-instances'))!;
  // Zone a is not among those that have the type.
  match(
    launch,
    /--instance-type c5\.xlarge .*SpotInstanceType=one-time,InstanceInterruptionBehavior=terminate\} .*--subnet-id subnet-0123456b /,
  );
  ok(calls.every((call) => !/^(ssh|scp)/.test(call) || call.includes('StrictHostKeyChecking=yes')));
  ok(!calls.join('\n').includes('PRIVATE KEY'), 'no key is a word of a command line');
});

test('nothing is left whichever call fails, loses its answer, or is interrupted before or after its deed', {
  timeout: 300_000,
}, async (context) => {
  begin();
  equal((await run()).code, 0);
  const calls = cloud.calls();
  let runs = 0;
  for (const [at, call] of calls.entries()) {
    const all: CloudPlan[] = [
      { mode: 'before', call: at + 1, word: 'WINCH' },
      { mode: 'fail', call: at + 1 },
      { mode: 'after', call: at + 1, word: 'WINCH' },
      ...(call.startsWith('aws') ? [{ mode: 'lose', call: at + 1 } as const] : []),
    ];
    // Those that make something have all of them in each lane.
    const makes = /import-key-pair|create-security-group|run-instances/.test(call);
    const plans = makes ? all : all.filter((_, n) => (n + at) % 8 < laneFigure('F-spot'));
    for (const plan of plans) {
      begin(plan);
      const { code, said } = await run();
      const what = `${plan.mode} ${call.slice(0, 60)}: ${code}\n${said}`;
      deepEqual(left(), [], what);
      const isCut = plan.mode === 'before' || plan.mode === 'after';
      // The last call has no answer that anybody still waits for.
      if (isCut) equal(code, 130, what);
      const isRemoving =
        calls.slice(0, at).some((one) => one.includes('terminate-instances')) || call.includes('terminate-instances');
      if (!isCut && call.startsWith('aws') && !isRemoving && !call.includes('describe-instances')) equal(code, 1, what);
      runs += 1;
    }
  }
  context.diagnostic(`${calls.length} calls, ${runs} runs`);
});

test('the script itself cleans up when a signal meets it, and ends with 128 and its number', {
  timeout: 300_000,
}, async () => {
  const cases = [
    ['INT', 130, 'ec2 run-instances'],
    ['TERM', 143, 'ssh'],
    ['HUP', 129, 'scp'],
  ] as const;
  begin();
  await run();
  const calls = cloud.calls();
  for (const [signal, expected, what] of currentLane() === 'fast' ? cases : [...cases, ...cases]) {
    begin({ mode: 'after', call: calls.findIndex((call) => call.includes(what)) + 1, word: signal });
    const { code, said } = await type('aws-spot-nitro-bench.sh');
    equal(code, expected, said);
    match(said, /interrupted/);
    deepEqual(left(), [], said);
  }
});

test('results of a command that failed are fetched, and its exit code is the script’s', async () => {
  begin();
  const { code, said } = await run({
    CAISSON_CI_RUN_COMMAND: 'mkdir smoke-results; echo why >smoke-results/log; exit 7',
  });
  equal(code, 7, said);
  equal(readFileSync(join(artifacts, 'smoke-results/log'), 'utf8'), 'why\n');
  deepEqual(left(), []);
  begin();
  const missing = await run({ CAISSON_CI_RUN_COMMAND: 'true' });
  equal(missing.code, 1);
  match(missing.said, /FAILED: looking for smoke-results on the instance ended with 1/);
});

test('a kept instance stays with everything that it needs, and the commands that end it are said', async () => {
  begin();
  const { code, said } = await run({ ARGONAUT_CI_KEEP_INSTANCE: '1' });
  equal(code, 0, said);
  equal(cloud.there().length, 3);
  match(
    said,
    /KEPT: [\s\S]*ssh .*StrictHostKeyChecking=yes[\s\S]*terminate-instances[\s\S]*delete-security-group[\s\S]*delete-key-pair/,
  );
  ok(!cloud.read('user-data').includes('shutdown'));
  begin({ mode: 'fail', call: cloud.calls().findIndex((call) => call.includes('run-instances')) + 1 });
  equal((await run({ ARGONAUT_CI_KEEP_INSTANCE: '1' })).code, 1);
  deepEqual(left(), [], 'where there is no instance nothing is kept');
});

test('a zone without room is left for the next, and a type that no zone has room for fails with AWS’s words', async () => {
  begin();
  await run();
  const at = cloud.calls().findIndex((call) => call.includes('run-instances')) + 1;
  begin({ mode: 'fail', call: at, word: 'InsufficientInstanceCapacity' });
  const { code, said } = await run();
  equal(code, 0, said);
  match(said, /eu-test-1b has no room \(InsufficientInstanceCapacity\); trying the next zone/);
  begin(...[at, at + 1].map((call) => ({ mode: 'fail', call, word: 'InsufficientInstanceCapacity' }) as const));
  const full = await run();
  equal(full.code, 1);
  match(full.said, /FAILED: aws ec2 run-instances ended with 254: .*InsufficientInstanceCapacity/);
  deepEqual(left(), []);
});

test('what cannot be removed is named with the command that removes it, and the rest is removed', {
  timeout: 300_000,
}, async () => {
  begin();
  await run();
  const calls = cloud.calls();
  const at = calls.findIndex((call) => call.includes('describe-security-groups')) + 1;
  begin(...[0, 1, 2, 3, 4].map((n) => ({ mode: 'fail', call: at + n }) as const));
  const { code, said } = await run();
  equal(code, 1);
  match(
    said,
    /LEFT BEHIND: the security group: .*UnauthorizedOperation[\s\S]*aws ec2 delete-security-group --group-id \$\(/,
  );
  deepEqual(left(), ['sg-0123456789abcdef0']);
});

test('somebody’s own key pair, group and subnet are used and never changed', async () => {
  begin();
  const keyFile = join(local, 'own-key');
  writeFileSync(keyFile, '', { mode: 0o600 });
  const { code, said } = await run({
    CAISSON_CI_KEY_NAME: 'own',
    CAISSON_CI_PRIVATE_KEY_FILE: keyFile,
    CAISSON_CI_SECURITY_GROUP_ID: 'sg-11111111',
    CAISSON_CI_SUBNET_ID: 'subnet-11111111',
    CAISSON_CI_SPOT_MAX_PRICE: '0.1',
  });
  equal(code, 0, said);
  const calls = cloud.calls().join('\n');
  match(calls, /run-instances .*MaxPrice=0\.1\} .*--key-name own --security-group-ids sg-11111111 /);
  ok(!/key-pair --|create-security-group|delete-|authorize/.test(calls));
  deepEqual(left(), ['own-key']);
});

test('the way in is opened to this machine’s public address alone, and to nothing where that is not known', async () => {
  let answer = '203.0.113.5\n';
  const server = createServer((_, response) => response.end(answer)).listen(0, '127.0.0.1');
  await once(server, 'listening');
  const url = `http://127.0.0.1:${(server.address() as AddressInfo).port}/`;
  try {
    begin();
    equal((await run({ CAISSON_CI_SSH_CIDR: '', CAISSON_CI_ADDRESS_URL: url })).code, 0);
    equal(cloud.read('cidr'), '203.0.113.5/32\n');
    for (const wrong of ['0.0.0.0/0', 'a'.repeat(1_000), '999.1.1.1', '']) {
      answer = wrong;
      begin();
      const { code, said } = await run({ CAISSON_CI_SSH_CIDR: '', CAISSON_CI_ADDRESS_URL: url });
      equal(code, 1);
      match(said, /FAILED: .*say it in CAISSON_CI_SSH_CIDR/);
      ok(!cloud.calls().some((call) => /create|import|run-instances/.test(call)), 'nothing was made');
    }
  } finally {
    server.close();
  }
});

test('an instance with another host key is not talked to', async () => {
  begin();
  // The instance's own key is what the fake finds in the user data; here somebody else answers.
  const impostor = 'sed -i "s/ssh-ed25519 .*/ssh-ed25519 AAAAimpostor/" "$CAISSON_FAKE_CLOUD/user-data"';
  const { code, said } = await run({ CAISSON_CI_RUN_COMMAND: `${impostor}; mkdir smoke-results` });
  equal(code, 1, said);
  match(said, /looking for smoke-results on the instance ended with 255/);
  deepEqual(left(), []);
});

test('whoever answers with another host key at the first connection is not asked a second time', async () => {
  begin();
  await run();
  const at = cloud.calls().findIndex((call) => call.startsWith('ssh')) + 1;
  begin({ mode: 'fail', call: at, word: 'Host key verification failed.' });
  const { code, said } = await run();
  equal(code, 1);
  match(said, /FAILED: whoever answers at 192\.0\.2\.7 does not have the host key of this run/);
  equal(cloud.calls().filter((call) => call.startsWith('ssh')).length, 1);
  deepEqual(left(), []);
});

test('an instance that was taken back in between is named as the reason', async () => {
  begin();
  const taken = 'echo "shutting-down x" >"$CAISSON_FAKE_CLOUD/there/i-0123456789abcdef0"; exit 255';
  const { code, said } = await run({ CAISSON_CI_RUN_COMMAND: taken });
  equal(code, 1);
  match(said, /FAILED: the instance is gone: shutting-down, of the fake/);
  deepEqual(left(), []);
});

test('variables have both names, ours holding, and wrong ones are refused before anything is asked of AWS', async () => {
  begin();
  const both = await type('aws-spot-nitro-smoke.sh', {
    ARGONAUT_CI_INSTANCE_TYPE: 'm5.large',
    CAISSON_CI_INSTANCE_TYPE: 'm5.xlarge',
  });
  equal(both.code, 0, both.said);
  match(both.said, /CAISSON_CI_INSTANCE_TYPE and ARGONAUT_CI_INSTANCE_TYPE differ; CAISSON_CI_INSTANCE_TYPE holds/);
  ok(cloud.calls().some((call) => call.includes('--instance-type m5.xlarge')));
  const wrong = {
    INSTANCE_TYPE: '--dry-run',
    SPOT_MAX_PRICE: 'cheap',
    SUBNET_ID: 'subnet-x',
    SECURITY_GROUP_ID: 'default',
    SSH_CIDR: 'everybody',
    FETCH_PATH: 'a; rm -rf /',
    KEEP_INSTANCE: 'perhaps',
    KEY_NAME: 'alone',
    POLL: '0s',
    MAX_MINUTES: '1',
  };
  for (const [name, value] of Object.entries(wrong)) {
    let said = '';
    const env = { ...given, CAISSON_CI_SSH_CIDR: '', [`ARGONAUT_CI_${name}`]: value };
    if (name === 'POLL') Object.assign(env, { CAISSON_CI_POLL: '' });
    try {
      readSpotSettings('smoke', env, () => {});
    } catch (error) {
      said = (error as Error).message;
    }
    match(said, new RegExp(`(ARGONAUT|CAISSON)_CI_${name} `), name);
  }
  begin();
  const refused = await type('aws-spot-nitro-bench.sh', { CAISSON_CI_KEEP_INSTANCE: 'perhaps' });
  equal(refused.code, 64);
  equal(refused.said, 'aws-spot: CAISSON_CI_KEEP_INSTANCE must be 1 or 0, got "perhaps"\n');
  deepEqual(cloud.calls(), []);
});

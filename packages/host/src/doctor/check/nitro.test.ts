// A parent with one thing wrong: the finding that names it, and its command.
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { c5Xlarge, createFakeMachine, type FakeMachineParts, m5TwoNodes } from '@caisson/testkit/machine';
import { readGround } from '../ground.ts';
import { examine, type Finding } from '../index.ts';

async function find(id: string, ...parts: readonly FakeMachineParts[]): Promise<readonly Finding[]> {
  const ground = await readGround({
    machine: createFakeMachine(...c5Xlarge, ...parts),
    state: '/state',
    operator: '/operator',
    parts: ['/opt/caisson'],
    records: async () => [],
    file: null,
    fileFault: null,
    wanted: [],
    backend: 'nitro',
  });
  return (await examine(ground, { only: [id] })).findings;
}

/** The one finding. */
async function one(id: string, ...parts: readonly FakeMachineParts[]): Promise<Finding> {
  const found = await find(id, ...parts);
  assert.equal(found.length, 1, JSON.stringify(found));
  return found[0]!;
}

const allocator = (text: string): FakeMachineParts => ({ files: { '/etc/nitro_enclaves/allocator.yaml': text } });

test('holds allocator.yaml against the instance with the numbers of both', async () => {
  const rows: readonly (readonly [text: string, said: RegExp])[] = [
    ['---\nmemory_mib: 9000\ncpu_count: 2\n', /memory_mib is 9000, and no node has more than 7743 MiB/],
    ['---\nmemory_mib: 7500\ncpu_count: 2\n', /memory_mib is 7500 of 7743 MiB, which leaves the parent 243/],
    ['---\nmemory_mib: 512\ncpu_count: 4\n', /wants 4 processors, and 2 can be given of 4/],
    ['---\nmemory_mib: 512\ncpu_count: 1\n', /cpu_count 1 is no number of whole cores of 2 threads/],
    ['---\nmemory_mib: 512\ncpu_pool: 0,2\n', /has 0,2 of core 0, which stays with the parent/],
    ['---\nmemory_mib: 512\ncpu_pool: 1\n', /has half a core: 1 without 3/],
    ['---\nmemory_mib: 512\ncpu_pool: 7\n', /names 7, which this machine has not/],
    ['---\nmemory_mib: 512\ncpu_count: 2\ncpu_pool: 1,3\n', /one of cpu_count and cpu_pool/],
    ['---\nmemory_mib: 512\n', /one of cpu_count and cpu_pool/],
    ['memory_mib: 512\ncpu_count: 2\n', /no line ---/],
    ['---\nmemory_mib: many\ncpu_count: 2\n', /form is another/],
    ['---\n: [\n', /no YAML/],
    [`---\n${'- memory_mib: 64\n  cpu_count: 0\n'.repeat(5)}`, /5 pools, and a parent has at most 4/],
  ];
  for (const [text, said] of rows) {
    const [first] = await find('allocator-file', allocator(text));
    assert.match(first?.found ?? '', said, text);
    assert.notEqual(first?.level, 'ok');
  }
  assert.equal((await one('allocator-file', allocator('---\n- memory_mib: 512\n  cpu_count: 2\n'))).level, 'ok');
});

test('names a pool across nodes, which no enclave can be of', async () => {
  const found = await find('allocator-file', ...m5TwoNodes, allocator('---\nmemory_mib: 2048\ncpu_pool: 2,24,50,72\n'));
  assert.match(found.map((each) => each.found).join(' '), /processors of 2 nodes \(0, 1\)/);
});

test('sees that the service did not do what its file says', async () => {
  const empty: FakeMachineParts = {
    files: {
      '/sys/module/nitro_enclaves/parameters/ne_cpus': '\n',
      '/sys/devices/system/node/node0/hugepages/hugepages-2048kB/nr_hugepages': '0\n',
      '/sys/devices/system/node/node0/hugepages/hugepages-2048kB/free_hugepages': '0\n',
    },
  };
  assert.match((await one('cpu-pool', empty)).found, /no processor is in the pool, although .* names some/);
  assert.match((await one('huge-pages', empty)).found, /none are reserved, although .* says 1024 MiB/);
  const less: FakeMachineParts = {
    files: { '/sys/devices/system/node/node0/hugepages/hugepages-2048kB/nr_hugepages': '300\n' },
  };
  assert.match((await one('huge-pages', less)).found, /600 MiB are reserved of the 1024/);
  const broken: FakeMachineParts = {
    files: { '/proc/buddyinfo': 'Node 0, zone   Normal 90000 9000 900 90 9 0 0 0 0 0 25\n' },
  };
  assert.match(
    (await one('fragmentation', less, broken)).found,
    /100 of 3871 MiB free memory in pieces of 2 MiB and more, 424 MiB are still wanted/,
  );
  assert.equal((await one('fragmentation', broken)).level, 'ok');
  const failed: FakeMachineParts = {
    commands: { 'systemctl is-active nitro-enclaves-allocator.service': { exitCode: 3, stdout: 'failed\n' } },
  };
  assert.match((await one('allocator-service', failed)).command ?? '', /^sudo journalctl -u nitro-enclaves-allocator/);
});

test('tells who is not in the group ne from who is and has not logged in again', async () => {
  assert.equal((await one('nitro-group')).level, 'ok');
  assert.match((await one('nitro-group', { gids: [1000] })).found, /this session is older/);
  assert.match(
    (await one('nitro-group', { gids: [1000], files: { '/etc/group': 'ne:x:991:\n' } })).found,
    /is not in it/,
  );
  const refused = await one('nitro-device', { refused: ['/dev/nitro_enclaves'] });
  assert.deepEqual([refused.level, refused.command], ['fail', 'sudo usermod -aG ne "$USER"   # and log in again']);
});

test('knows instances that can have no enclaves by what the firmware says, and asks nobody', async () => {
  const type = (name: string): FakeMachineParts => ({
    files: { '/sys/class/dmi/id/product_name': `${name}\n` },
    facts: { '/dev/nitro_enclaves': null },
  });
  for (const name of ['t3.large', 'm7i.24xlarge', 'm7i-flex.large', 'u-6tb1.metal', 'm5.metal']) {
    assert.match((await one('instance', type(name))).found, new RegExp(`instances of type ${name} have no enclaves`));
  }
  for (const name of ['c5.xlarge', 'm7i.4xlarge', 'r6g.large', 'm5.24xlarge']) {
    assert.equal((await one('instance', type(name))).level, 'ok', name);
  }
});

test('reads the newest failure of nitro-cli to its first cause', async () => {
  const log: FakeMachineParts = {
    files: {
      '/var/log/nitro_enclaves/err2026-11-20T10:00:00.log': 'Action: Run Enclave\n  Root error code: E27\n',
      '/var/log/nitro_enclaves/err2026-11-21T10:00:00.log': '  Root error code: E39\n  Root error code: E36\n',
      // Whoever is in the group may write names there that a command must not have in it.
      "/var/log/nitro_enclaves/err3'; reboot; '.log": 'no code',
    },
  };
  const found = await one('nitro-log', log);
  assert.match(found.found, /^err2026-11-21T10:00:00\.log: E36 /);
  assert.equal(found.command, 'caisson explain E36');
});

test('names who holds port 9000, without ever listening there', async () => {
  const holder: FakeMachineParts = {
    commands: {
      'ss --vsock --listening --numeric --no-header --processes':
        'v_str LISTEN 0 0 3:9000 *:* users:(("nitro-cli",pid=4242,fd=7))\n',
    },
  };
  assert.match((await one('port-9000', holder)).found, /^nitro-cli \(process 4242\) listens there/);
});

test('a version of nitro-cli before names, an answer of another form, and no answer are three findings', async () => {
  assert.match(
    (await one('nitro-cli', { commands: { 'nitro-cli --version': 'Nitro CLI 1.0.12\n' } })).found,
    /at least 1\.1 is needed/,
  );
  const garbage = { commands: { 'nitro-cli describe-enclaves': 'Hello' } };
  assert.match((await one('nitro-enclaves', garbage)).found, /another form/);
  const hangs = { commands: { 'nitro-cli describe-enclaves': { exitCode: null, isCut: true } } };
  assert.match((await one('nitro-enclaves', hangs)).found, /no answer in time/);
  const debug = JSON.stringify([
    { EnclaveName: 'a', EnclaveID: 'i-1-enc1', EnclaveCID: 16, Flags: 'DEBUG_MODE', MemoryMiB: 512 },
  ]);
  assert.match(
    (await one('nitro-enclaves', { commands: { 'nitro-cli describe-enclaves': debug } })).found,
    /zeros in their documents: a/,
  );
});

test('what is missing is got as the distribution has it', async () => {
  const systems = {
    'NAME="Amazon Linux"\nVERSION_ID="2023"\nID="amzn"\n': [
      /dnf install -y aws-nitro-enclaves-cli$/,
      /dnf upgrade -y kernel/,
    ],
    'NAME="Amazon Linux"\nVERSION_ID="2"\nID="amzn"\n': [/^sudo amazon-linux-extras install/, /yum update -y kernel/],
    'NAME="Ubuntu"\nID=ubuntu\nID_LIKE=debian\n': [
      /^git clone https:\/\/github.com\/aws\/aws-nitro-enclaves-cli /,
      /^sudo apt-get /,
    ],
    'NAME="Linux Mint"\nID=linuxmint\nID_LIKE="ubuntu debian"\n': [/^git clone/, /^sudo apt-get /],
    'NAME="Red Hat Enterprise Linux"\nID="rhel"\nID_LIKE="fedora"\n': [/^git clone/, /^sudo dnf upgrade -y kernel/],
  };
  for (const [text, [tool, kernel]] of Object.entries(systems)) {
    const machine: FakeMachineParts = {
      files: {
        '/etc/os-release': text,
        '/boot/config-4.14.1': '# CONFIG_NITRO_ENCLAVES is not set\n',
        '/proc/sys/kernel/osrelease': '4.14.1\n',
        '/sys/module/nitro_enclaves/parameters/ne_cpus': null,
      },
      commands: { 'nitro-cli --version': undefined as never },
    };
    assert.match((await one('nitro-cli', machine)).command ?? '', tool!, text);
    assert.match((await one('nitro-module', machine)).command ?? '', kernel!, text);
  }
});

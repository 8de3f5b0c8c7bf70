// A made-up machine: its /etc and /proc in a folder, and dnf, yum and systemctl as scripts that write down how they were called.
import assert from 'node:assert/strict';
import { chmodSync, existsSync, mkdirSync, mkdtempSync, readFileSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { afterEach, beforeEach, test } from 'node:test';
import fc from 'fast-check';
import { parse } from 'yaml';
import { mergeAllocator } from './allocator.ts';
import { fitMachine } from './machine.ts';
import { makeNitro } from './make-nitro.ts';
import { DEFAULT_RBUILDS_SETTINGS, type RbuildsSettings } from './settings.ts';

const al2023 = 'NAME="Amazon Linux"\nID="amzn"\nVERSION_ID="2023"\nPRETTY_NAME="Amazon Linux 2023.6"\n';
const al2 = 'ID="amzn"\nVERSION_ID="2"\nPRETTY_NAME="Amazon Linux 2"\n';
const debian = 'ID=debian\nVERSION_ID="12"\nPRETTY_NAME="Debian GNU/Linux 12"\n';
const packaged = `---
# Enclave configuration file.
memory_mib: 512   # how much
# How many CPUs to reserve for enclaves.
cpu_count: 2
# cpu_pool: 2,3
owner: somebody
`;

let folder: string;
const at = (path: string): string => join(folder, path);
const allocator = 'root/etc/nitro_enclaves/allocator.yaml';

function put(path: string, text: string, mode = 0o644): void {
  mkdirSync(dirname(at(path)), { recursive: true });
  writeFileSync(at(path), text);
  chmodSync(at(path), mode);
}

beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'caisson-nitro-'));
  put('root/proc/meminfo', 'MemTotal:       16777216 kB\nMemFree: 1 kB\n');
  put('root/proc/cpuinfo', Array.from({ length: 8 }, (_, index) => `processor\t: ${index}\nmodel: x\n`).join('\n'));
  put('root/etc/os-release', al2023);
  put('calls', '');
  for (const name of ['dnf', 'yum', 'amazon-linux-extras', 'systemctl', 'usermod']) {
    put(`bin/${name}`, `#!/bin/sh\necho "${name} $*" >> "${at('calls')}"\n`, 0o755);
  }
});
afterEach(() => rmSync(folder, { recursive: true }));

/** What the nitro-cli package does when it is installed. */
function withPackageFile(): void {
  const script = `#!/bin/sh\necho "dnf $*" >> "${at('calls')}"\nmkdir -p "${dirname(at(allocator))}"\ncat > "${at(allocator)}" <<'END'\n${packaged}END\n`;
  put('bin/dnf', script, 0o755);
}

async function nitro(
  settings: Partial<RbuildsSettings> = {},
  more: { uid?: number; answer?: boolean; user?: string } = {},
) {
  const said: string[] = [];
  await makeNitro(
    { ...DEFAULT_RBUILDS_SETTINGS, ...settings },
    {
      folder,
      machineRoot: at('root'),
      uid: more.uid ?? 0,
      builderVersion: '1',
      stop: new AbortController().signal,
      env: { PATH: `${at('bin')}:/usr/bin:/bin`, ...(more.user !== undefined && { SUDO_USER: more.user }) },
      say: (line) => void said.push(line),
      ask: async (question) => {
        said.push(question);
        return more.answer ?? false;
      },
    },
  );
  return said.join('\n');
}

const calls = (): string[] => readFileSync(at('calls'), 'utf8').trim().split('\n').filter(Boolean);

test('on Amazon Linux 2023 a yes installs, merges allocator.yaml, enables, and says how to reboot', async () => {
  withPackageFile();
  put('bin/aws', '', 0o755);
  const said = await nitro({}, { answer: true, user: 'ann' });
  assert.deepEqual(calls(), [
    'dnf install --assumeyes docker aws-nitro-enclaves-cli aws-nitro-enclaves-cli-devel',
    'usermod --append --groups docker,ne ann',
    'systemctl enable nitro-enclaves-allocator.service docker.service',
  ]);
  assert.match(said, /do this now\?/);
  assert.match(said, /sudo systemctl reboot$/);
  assert.equal(readFileSync(at(allocator), 'utf8'), packaged, 'the package’s numbers stand: no others were asked for');
});

test('numbers that were asked for replace those of allocator.yaml, and every other word of it stays', async () => {
  withPackageFile();
  await nitro({ yes: true, memoryMiB: 4096, cpus: 6 });
  assert.equal(
    readFileSync(at(allocator), 'utf8'),
    packaged.replace('memory_mib: 512   #', 'memory_mib: 4096 #').replace('cpu_count: 2', 'cpu_count: 6'),
  );
  assert.equal(statSync(at(allocator)).mode & 0o777, 0o644);
});

test('without aws in PATH it is installed under the name it has there; Amazon Linux 2 has its own steps', async () => {
  await nitro({ yes: true });
  assert.ok(calls().includes('dnf install --assumeyes awscli-2'));
  put('calls', '');
  put('root/etc/os-release', al2);
  await nitro({ yes: true });
  assert.deepEqual(calls(), [
    'amazon-linux-extras install -y aws-nitro-enclaves-cli',
    'yum install --assumeyes docker aws-nitro-enclaves-cli-devel',
    'yum install --assumeyes awscli',
    'systemctl enable nitro-enclaves-allocator.service docker.service',
  ]);
});

test('a no, and a machine that is another, change nothing; the other one is told what would be done', async () => {
  assert.match(await nitro({}, { answer: false }), /nothing was done$/);
  put('root/etc/os-release', debian);
  const said = await nitro({ yes: true });
  assert.match(said, /dry run: this is Debian GNU\/Linux 12/);
  assert.match(said, /dnf install --assumeyes docker/);
  assert.match(said, /memory_mib: 8192\n +cpu_count: 6$/);
  assert.deepEqual(calls(), []);
  assert.equal(existsSync(at(allocator)), false);
});

test('what does not fit, cannot be merged, or lacks the right is refused before anything is done', async () => {
  const table: readonly (readonly [Partial<RbuildsSettings>, uid: number, RegExp])[] = [
    [{ yes: true, memoryMiB: 16_384 }, 0, /--memory must leave the parent 256 MiB: at most 16128, got 16384/],
    [{ yes: true, cpus: 8 }, 0, /--cpus must leave the parent one of 8, got 8/],
    [{ yes: true }, 1000, /must run as root/],
  ];
  for (const [settings, uid, message] of table) {
    await assert.rejects(nitro(settings, { uid }), { code: 'RBUILDS_MACHINE', message });
  }
  put(allocator, 'memory_mib: [\n');
  await assert.rejects(nitro({ yes: true }), { code: 'RBUILDS_MACHINE', message: /^allocator\.yaml must be YAML: / });
  put(allocator, '- 1\n');
  await assert.rejects(nitro({ yes: true }), { message: /must be a map of keys/ });
  put(allocator, 'memory_mib: 512\ncpu_pool: 2,3\n');
  await assert.rejects(nitro({ yes: true, cpus: 4 }), { message: /has cpu_pool/ });
  assert.deepEqual(calls(), []);
});

test('a step that fails ends the stage with its last line, and what comes after is not done', async () => {
  put('bin/dnf', '#!/bin/sh\necho "no such package" >&2\nexit 3\n', 0o755);
  await assert.rejects(nitro({ yes: true }), {
    code: 'RBUILDS_PROGRAM',
    message: /dnf install .* ended with 3: no such package$/,
  });
  assert.deepEqual(calls(), []);
  assert.equal(existsSync(at(allocator)), false);
});

test('what fits is what allocator.yaml sets aside, else half of the memory and all but a core', () => {
  assert.deepEqual(fitMachine(at('root')), { memoryMiB: 8192, cpus: 6, from: 'this machine' });
  put(allocator, packaged);
  assert.deepEqual(fitMachine(at('root')), { memoryMiB: 512, cpus: 2, from: 'allocator.yaml' });
  put(allocator, 'memory_mib: x\n');
  assert.equal(fitMachine(at('root')).from, 'this machine');
  rmSync(at('root/proc'), { recursive: true });
  assert.deepEqual(fitMachine(at('root')), { memoryMiB: 64, cpus: 1, from: 'this machine' });
});

test('merging sets the two numbers, loses no comment, changes no other key, and does nothing the second time', () => {
  const word = fc.stringMatching(/^[a-z]{1,8}$/);
  const lines = fc.array(
    fc.oneof(
      fc.tuple(word, fc.nat(99)).map(([key, value]) => `${key}: ${value}`),
      word.map((text) => `# ${text}`),
    ),
    { maxLength: 8 },
  );
  fc.assert(
    fc.property(lines, fc.integer({ min: 64, max: 9999 }), fc.integer({ min: 1, max: 64 }), (all, memoryMiB, cpus) => {
      const seen = new Set<string>();
      const own = all.filter(
        (line) => line.startsWith('#') || (!seen.has(line.split(':')[0]!) && seen.add(line.split(':')[0]!)),
      );
      const text = `${own.join('\n')}\n`;
      const wish = { memoryMiB, cpus, isMemoryAsked: true, isCpusAsked: true };
      const merged = mergeAllocator(text, wish);
      assert.deepEqual(parse(merged), { ...parse(text), memory_mib: memoryMiB, cpu_count: cpus });
      for (const line of own) if (line.startsWith('#')) assert.ok(merged.includes(line), `${line} of ${text}`);
      assert.equal(mergeAllocator(merged, wish), merged);
      assert.equal(mergeAllocator(merged, { ...wish, memoryMiB: 1, isMemoryAsked: false }), merged);
    }),
    { seed: 11, numRuns: 200 },
  );
  assert.match(
    mergeAllocator(null, { memoryMiB: 5, cpus: 2, isMemoryAsked: false, isCpusAsked: false }),
    /^memory_mib: 5$/m,
  );
});

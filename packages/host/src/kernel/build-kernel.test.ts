// Building kernels, with a source that has the kernel's own targets in a few lines of make: what reaches the compiler, what is
// refused, and that nothing half-done is left. The real thing is built by test/deep/kernel.test.ts.
import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import { createHash } from 'node:crypto';
import { mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { type TestContext, test } from 'node:test';
import { assertFitsSchema } from '@caisson/testkit/contract';
import { type BuildKernelOptions, buildKernel } from './build-kernel.ts';
import { findBuildTools } from './build-tool.ts';
import { resolveKernel } from './resolve-kernel.ts';

const skip =
  ['make', 'tar'].some((name) => spawnSync(name, ['--version']).status !== 0) && 'make or tar is not installed';
const findTools = () => ({ compiler: 'cc', linker: 'ld' });

interface SourceWish {
  readonly version?: string;
  /** Lines of the target olddefconfig. */
  readonly oldconfig?: string;
  readonly image?: string;
  readonly stamp?: string;
}

/** Kconfig by hand: the last of two assignments, and no fragment's comments. */
const sortConfig =
  "awk -F= '/^CONFIG_/ { v[$$1] = $$0 } END { for (k in v) print v[k] }' .config | sort > .new; mv .new .config";

function makefileOf({
  version = '6.12.1',
  oldconfig = sortConfig,
  image = 'env | grep -v -e ^MAKE -e ^MFLAGS -e ^PWD -e ^OLDPWD -e ^SHLVL -e ^_= | sort > $@',
  stamp = '$(KBUILD_BUILD_TIMESTAMP)',
}: SourceWish): string {
  const [major, minor, patch] = version.split('.');
  return `VERSION = ${major}
PATCHLEVEL = ${minor}
SUBLEVEL = ${patch}
tinyconfig:
\techo CONFIG_TINY=y > .config
olddefconfig:
\t${oldconfig}
bzImage:
\tmkdir -p arch/x86/boot include/generated
\techo '#define UTS_VERSION "#1 SMP ${stamp}"' > include/generated/utsversion.h
\t${image.replaceAll('$@', 'arch/x86/boot/bzImage')}
`;
}

function scene(t: TestContext, wish: SourceWish = {}) {
  const folder = mkdtempSync(join(tmpdir(), 'caisson-kernel-'));
  t.after(() => rmSync(folder, { recursive: true }));
  const source = join(folder, 'linux-6.12.1');
  mkdirSync(join(source, 'LICENSES/preferred'), { recursive: true });
  writeFileSync(join(source, 'Makefile'), makefileOf(wish));
  writeFileSync(join(source, 'LICENSES/preferred/GPL-2.0'), 'GPL\n');
  const path = join(folder, 'linux.tar');
  assert.equal(spawnSync('tar', ['-cf', path, '-C', folder, 'linux-6.12.1']).status, 0);
  rmSync(source, { recursive: true });
  const sha256 = createHash('sha256').update(readFileSync(path)).digest('hex');
  const options: BuildKernelOptions = { profile: 'minimal', tarball: { path, sha256 }, findTools, jobs: 1 };
  return { folder, options, at: (name: string) => join(folder, name), left: () => readdirSync(folder).sort() };
}

test('gives the compiler a fixed date, user and host, and nothing else of this machine but its PATH', {
  skip,
}, async (t) => {
  const { options, at } = scene(t);
  process.env['CAISSON_TEST_SECRET'] = 'x';
  t.after(() => delete process.env['CAISSON_TEST_SECRET']);
  await buildKernel(at('one'), options);
  const text = readFileSync(at('one/bzImage'), 'utf8')
    .split('\n')
    .filter((line) => !line.startsWith('PATH='));
  assert.deepEqual(text, [
    'KBUILD_BUILD_HOST=caisson',
    'KBUILD_BUILD_TIMESTAMP=Thu Jan  1 00:00:01 UTC 1970',
    'KBUILD_BUILD_USER=caisson',
    'KBUILD_BUILD_VERSION=1',
    'LC_ALL=C',
    'SOURCE_DATE_EPOCH=1',
    'TZ=UTC',
    '',
  ]);
});

test('gives a kernel with its configuration, manifest and licence, twice the same', { skip }, async (t) => {
  const { options, at, left } = scene(t);
  const manifest = await buildKernel(at('one'), options);
  assert.deepEqual(await buildKernel(at('deep/two'), options), manifest);
  assert.deepEqual(readdirSync(at('one')).sort(), [
    'COPYING',
    'LICENSE.txt',
    'bzImage',
    'bzImage.config',
    'manifest.json',
  ]);
  for (const name of readdirSync(at('one'))) {
    assert.ok(readFileSync(at(`one/${name}`)).equals(readFileSync(at(`deep/two/${name}`))), name);
  }
  assertFitsSchema({ ...manifest, folder: at('one') }, 'kernel-build');
  assert.equal(manifest.kernel, '6.12.1');
  assert.equal(manifest.source.sha256, options.tarball?.sha256);
  assert.deepEqual(JSON.parse(readFileSync(at('one/manifest.json'), 'utf8')), manifest);
  assert.match(readFileSync(at('one/bzImage.config'), 'utf8'), /^CONFIG_NSM=y$/m);
  assert.match(readFileSync(at('one/LICENSE.txt'), 'utf8'), /Linux 6\.12\.1.*\n.*linux\.tar, SHA-256/);
  assert.deepEqual(left(), ['deep', 'linux.tar', 'one'], 'no work folder is left');
});

async function refused(
  t: TestContext,
  wish: SourceWish,
  expected: object,
  change: Partial<BuildKernelOptions> = {},
): Promise<void> {
  const { options, at, left } = scene(t, wish);
  const before = left();
  await assert.rejects(buildKernel(at('one'), { ...options, ...change }), expected);
  assert.deepEqual(left(), before, 'nothing half-done is left');
}

test('refuses a kernel that is older than the driver of the NSM, with the reason', { skip }, async (t) => {
  await refused(
    t,
    { version: '6.1.90' },
    {
      name: 'PolicyError',
      code: 'KERNEL_VERSION',
      message: 'kernel source must be 6.8 or later, got 6.1.90',
      hint: /no NSM driver/,
    },
  );
});

test('refuses a build that dropped an option which was asked for', { skip }, async (t) => {
  await refused(
    t,
    { oldconfig: `${sortConfig}; sed -i /CONFIG_NSM=/d .config` },
    {
      code: 'KERNEL_OPTION',
      message: 'kernel configuration must keep what was asked for, lost NSM=y (got n)',
    },
  );
});

test('refuses a fragment of the user’s that takes away what an enclave needs', { skip }, async (t) => {
  const folder = mkdtempSync(join(tmpdir(), 'caisson-fragment-'));
  t.after(() => rmSync(folder, { recursive: true }));
  const fragment = join(folder, 'own.config');
  writeFileSync(fragment, 'CONFIG_VSOCKETS=n\n');
  await refused(
    t,
    {},
    { code: 'KERNEL_OPTION', message: /VSOCKETS=n \(the only way out of an enclave is vsock\)/ },
    { fragment },
  );
  await refused(t, {}, { code: 'KERNEL_CONFIG', message: /ENOENT/ }, { fragment: join(folder, 'none') });
});

test('refuses a tarball with another digest before it unpacks it, and one that is no kernel', { skip }, async (t) => {
  const { options, at } = scene(t);
  const { path } = options.tarball!;
  const other = { ...options, tarball: { path, sha256: '0'.repeat(64) } };
  await assert.rejects(buildKernel(at('one'), other), { name: 'VerificationError', code: 'KERNEL_SOURCE' });
  writeFileSync(path, 'no archive');
  const sha256 = createHash('sha256').update('no archive').digest('hex');
  await assert.rejects(buildKernel(at('one'), { ...options, tarball: { path, sha256 } }), {
    code: 'KERNEL_SOURCE',
    message: /by tar/,
  });
});

test('ends with the end of the log when make fails, and when the kernel took the present for its date', {
  skip,
}, async (t) => {
  await refused(
    t,
    { image: 'echo no rule for this; false' },
    {
      code: 'KERNEL_BUILD',
      message: 'make bzImage ended with exit 2',
      hint: /no rule for this/,
    },
  );
  await refused(t, { stamp: 'Sat Nov 21 10:00:00 UTC 2026' }, { code: 'KERNEL_BUILD', message: /must carry the date/ });
});

test('writes into no folder that exists, and into none that the kernel’s build cannot be in', { skip }, async (t) => {
  const { options, at } = scene(t);
  mkdirSync(at('one'));
  await assert.rejects(buildKernel(at('one'), options), { code: 'KERNEL_FOLDER', message: /EEXIST/ });
  assert.deepEqual(readdirSync(at('one')), []);
  for (const name of ['with space', 'a:b/c']) {
    await assert.rejects(buildKernel(at(name), options), {
      code: 'KERNEL_FOLDER',
      message: /neither spaces nor colons/,
    });
  }
});

test('names all that is missing for a build at once, with the packages that bring it', () => {
  const missing = ['flex', 'bison', 'bc'];
  const runs = ([program = '']: readonly string[], input?: string): string | undefined =>
    missing.includes(program) || input !== undefined ? undefined : `${program} 1.0\nmore`;
  assert.throws(() => findBuildTools(runs), {
    code: 'KERNEL_TOOL',
    message: 'a kernel is built with programs that are missing here: flex, bison, bc, gelf.h',
    hint: 'sudo apt-get install bc bison flex libelf-dev',
  });
  assert.deepEqual(
    findBuildTools(([program]) => `${program} 1.0\nmore`),
    { compiler: 'gcc 1.0', linker: 'ld 1.0' },
  );
});

test('finds kernels by name: nitro-cli’s with its command line and nsm.ko, ours in the cache, else a file', (t) => {
  const folder = mkdtempSync(join(tmpdir(), 'caisson-resolve-'));
  t.after(() => rmSync(folder, { recursive: true }));
  const env = { NITRO_CLI_BLOBS: folder, CAISSON_CACHE: folder };
  const resolve = (name: string) => resolveKernel(name, { architecture: 'x86_64', env });
  assert.throws(() => resolve('aws'), {
    code: 'KERNEL_NAME',
    message: /^kernel aws must be a regular file, got none at /,
  });
  assert.throws(() => resolve('caisson'), {
    code: 'KERNEL_NAME',
    hint: 'make it once: caisson kernel build --profile minimal',
  });
  assert.throws(() => resolve(folder), { code: 'KERNEL_NAME' }, 'a folder is no kernel');
  for (const name of ['bzImage', 'bzImage.config', 'nsm.ko']) writeFileSync(join(folder, name), name);
  writeFileSync(join(folder, 'cmdline'), 'reboot=k panic=30\n');
  assert.deepEqual(resolve('aws'), {
    origin: 'aws',
    path: join(folder, 'bzImage'),
    configPath: join(folder, 'bzImage.config'),
    nsmPath: join(folder, 'nsm.ko'),
    cmdline: 'reboot=k panic=30',
  });
  const file = resolve(join(folder, 'bzImage'));
  assert.deepEqual([file.origin, file.nsmPath, file.cmdline], ['file', null, null]);
  mkdirSync(join(folder, 'kernel/minimal'), { recursive: true });
  writeFileSync(join(folder, 'kernel/minimal/bzImage'), 'ours');
  assert.deepEqual(resolve('caisson').path, join(folder, 'kernel/minimal/bzImage'));
});

// Kernel configurations: read as Kconfig writes them, judged by what an enclave needs.
import assert from 'node:assert/strict';
import { existsSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { test } from 'node:test';
import { ParseError } from '@caisson/core/errors';
import fc from 'fast-check';
import { readFragments, verifyOptions } from './fragment.ts';
import { judgeKernelConfig } from './judge-config.ts';
import { optionOf, parseKernelConfig } from './parse-config.ts';
import { type KernelProfile, REQUIREMENTS } from './requirement.ts';
import { hasNsmDriver } from './version.ts';

const x86 = (profile: KernelProfile) => ({ profile, architecture: 'x86_64' }) as const;
const faultsOf = (text: string, profile: KernelProfile = 'minimal'): string[] =>
  judgeKernelConfig(parseKernelConfig(text, 'x'), x86(profile))
    .filter(({ level }) => level === 'fault')
    .map(({ option }) => option);

/** The least that has no fault. */
const sound = [
  ...REQUIREMENTS.filter(({ level }) => level === 'fault').map(({ option }) => `CONFIG_${option}=y`),
  'CONFIG_NSM=y',
];

test('reads what Kconfig writes, the last of two assignments, and the version of its header', () => {
  const value = fc.oneof(
    fc.constantFrom('y', 'm', 'n'),
    fc.integer().map(String),
    fc.nat().map((number) => `0x${number.toString(16)}`),
    fc.string({ unit: fc.constantFrom('a', ' ', '#', '=', '.') }).map((text) => `"${text}"`),
  );
  const option = fc.tuple(fc.stringMatching(/^[A-Z0-9_]{1,30}$/), value);
  fc.assert(
    fc.property(fc.array(option, { maxLength: 40 }), (options) => {
      const lines = options.map(([name, one]) =>
        one === 'n' ? `# CONFIG_${name} is not set` : `CONFIG_${name}=${one}`,
      );
      const text = ['#', '# Linux/x86 6.12.95 Kernel Configuration', '', ...lines, ''].join('\n');
      const config = parseKernelConfig(text, 'x');
      assert.equal(config.version, '6.12.95');
      assert.deepEqual(config.options, new Map(options));
    }),
    { seed: 1, numRuns: 300 },
  );
});

test('refuses a line that is neither option nor comment with its number, and any bytes only with its code', () => {
  assert.throws(() => parseKernelConfig('CONFIG_A=y\nCONFIG_B = y\n', 'x.config'), {
    code: 'KERNEL_CONFIG',
    message: 'kernel configuration x.config: line 2 must be CONFIG_NAME=VALUE or a comment, got "CONFIG_B = y"',
  });
  assert.throws(() => parseKernelConfig('#'.repeat(4_194_305), 'x'), /at most 4194304 bytes, got 4194305/);
  fc.assert(
    fc.property(
      fc.string({ unit: fc.constantFrom('CONFIG_', 'A', '=', 'y', '"', '\\', '\n', '# ', ' is not set', '\0') }),
      (text) => {
        try {
          parseKernelConfig(text, 'x');
        } catch (error) {
          assert.ok(error instanceof ParseError && error.code === 'KERNEL_CONFIG');
        }
      },
    ),
    { seed: 2, numRuns: 5000 },
  );
});

test('names every option whose want of it an enclave does not survive, one by one', () => {
  assert.deepEqual(faultsOf(sound.join('\n'), 'network'), []);
  for (const { option, level, profile } of REQUIREMENTS) {
    if (level !== 'fault') continue;
    const without = sound.filter((line) => line !== `CONFIG_${option}=y`);
    assert.deepEqual(faultsOf(without.join('\n'), 'network'), [option]);
    assert.deepEqual(
      faultsOf([...without, `CONFIG_${option}=m`].join('\n'), 'network'),
      [option],
      'a module is not loaded',
    );
    assert.deepEqual(faultsOf(without.join('\n')), profile === 'network' ? [] : [option]);
  }
});

test('knows that the NSM may be a module, and that older kernels bring none', () => {
  const without = sound.filter((line) => line !== 'CONFIG_NSM=y');
  const judge = (...lines: string[]) =>
    judgeKernelConfig(parseKernelConfig([...lines, ...without].join('\n'), 'x'), x86('minimal')).find(
      ({ option }) => option === 'NSM',
    );
  assert.equal(judge()?.level, 'fault');
  assert.equal(judge('CONFIG_NSM=m')?.level, 'advice');
  const old = judge('# Linux/x86 6.1.90 Kernel Configuration');
  assert.deepEqual([old?.level, old?.reason], ['advice', '6.1.90 has no NSM driver: nsm.ko must come with the image']);
  assert.deepEqual(['6.7.12', '6.8', '6.12.1', '7.0'].map(hasNsmDriver), [false, true, true, true]);
});

test('asks for no command line devices where a device tree names them', () => {
  const text = sound.filter((line) => !line.includes('CMDLINE_DEVICES')).join('\n');
  const faults = judgeKernelConfig(parseKernelConfig(text, 'x'), { profile: 'minimal', architecture: 'aarch64' });
  assert.ok(faults.every(({ level }) => level === 'advice'));
});

test('the profiles ask for all that is needed, and for all that is advised', () => {
  for (const profile of ['minimal', 'network'] as const) {
    const text = readFragments(profile)
      .map((one) => one.text)
      .join('\n');
    const findings = judgeKernelConfig(parseKernelConfig(text, profile), x86(profile));
    // Set by the architecture itself, with nothing to ask for.
    const given = ['STRICT_KERNEL_RWX'];
    assert.deepEqual(
      findings.filter(({ option }) => !given.includes(option)),
      [],
    );
  }
});

test('a dropped option is named with what it became; the last fragment that names one counts', () => {
  const [minimal] = readFragments('minimal');
  const own = { ...minimal!, config: parseKernelConfig('CONFIG_PCI=y\nCONFIG_NEW=y\n', 'own') };
  const config = parseKernelConfig(`${minimal!.text}\nCONFIG_PCI=y\n`, 'x');
  assert.throws(() => verifyOptions(config, [minimal!, own]), {
    code: 'KERNEL_OPTION',
    message: 'kernel configuration must keep what was asked for, lost NEW=y (got n)',
  });
  assert.equal(optionOf(config, 'PCI'), 'y');
});

const rig = join(import.meta.dirname, '../../../../../shared/rig/out/kernel.config');

test('finds no fault in a kernel that boots as an enclave', {
  skip: !existsSync(rig) && 'no rig beside the checkout',
}, () => {
  assert.deepEqual(faultsOf(readFileSync(rig, 'utf8'), 'network'), []);
});

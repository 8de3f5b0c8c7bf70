// The table of options: what each sets, how --cmd cuts the line, what is refused.
import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { test } from 'node:test';
import fc from 'fast-check';
import { RBUILDS_COMMANDS } from './command.ts';
import { parseRbuildsWords, RBUILDS_OPTIONS } from './option.ts';
import { DEFAULT_RBUILDS_SETTINGS, type RbuildsSettings } from './settings.ts';

test('every option and every other word for it sets what it is for, and nothing else', () => {
  const table: Readonly<Record<string, [value: string | undefined, change: Partial<RbuildsSettings>]>> = {
    '--debug': [undefined, { debug: true }],
    '--question': [undefined, { question: true }],
    '--lsh': [undefined, { localShell: true }],
    '--tty': [undefined, { terminal: true }],
    '--yes': [undefined, { yes: true }],
    '--kernel': ['6.14.5', { kernel: '6.14.5' }],
    '--user': ['sentient_build', {}],
    '--host': ['sentient_builder', {}],
    '--memory': ['4096', { memoryMiB: 4096 }],
    '--cpus': ['6', { cpus: 6 }],
    '--cid': ['16', { cid: 16 }],
    '--dockerfile': ['a', { dockerfile: 'a' }],
    '--config': ['c.yaml', { config: 'c.yaml' }],
    '--runtime': ['r.tar', { runtime: 'r.tar' }],
    '--network': [undefined, { network: true }],
    '--rev-net': [undefined, { reverseNetwork: true }],
    '--fw-net': [undefined, { forwardNetwork: true }],
    '--init-c': [undefined, {}],
    '--init-go': [undefined, { init: 'go' }],
    '--init-rs': [undefined, { init: 'rs' }],
  };
  const asked = new Set(Object.keys(table));
  for (const { names, command, value: form } of RBUILDS_OPTIONS) {
    const [first = ''] = names;
    const row = table[first];
    for (const name of names) {
      if (command !== undefined) {
        assert.deepEqual(
          parseRbuildsWords([name]).steps.map(({ line }) => line),
          [command],
          name,
        );
        continue;
      }
      if (first === '--cmd') continue;
      assert.ok(row !== undefined, `no row for ${first}`);
      const [value, change] = row;
      assert.equal(value === undefined, form === undefined, first);
      const words = value === undefined ? [name] : [name, value];
      const { settings, steps } = parseRbuildsWords(words);
      assert.deepEqual([settings, steps], [{ ...DEFAULT_RBUILDS_SETTINGS, ...change }, []], name);
      if (value !== undefined && name.startsWith('--')) {
        assert.deepEqual(parseRbuildsWords([`${name}=${value}`]).settings, settings, name);
      }
    }
    asked.delete(first);
  }
  assert.deepEqual([...asked], [], 'every row is an option');
});

test('a word that ends with .dockerfile is the Dockerfile', () => {
  assert.equal(parseRbuildsWords(['./x.dockerfile']).settings.dockerfile, './x.dockerfile');
});

test('each --cmd runs with the options to its left, all of them in their order', () => {
  const { steps } = parseRbuildsWords(['-m', '512', '--cmd', 'make_init', '-m', '1024', '-n', '-c', 'make_eif']);
  assert.deepEqual(
    steps.map(({ line, settings: { memoryMiB, network } }) => [line, memoryMiB, network]),
    [
      ['make_init', 512, false],
      ['make_eif', 1024, true],
    ],
  );
});

test('help is asked for before anything else, wherever it stands', () => {
  const { steps } = parseRbuildsWords(['--cmd', 'make_all', '-?']);
  assert.deepEqual(
    steps.map(({ line }) => line),
    ['help_cli'],
  );
});

test('a word that is no option, a value out of bounds and an option that could not count are refused before anything runs', () => {
  const table: readonly (readonly [words: string[], message: RegExp])[] = [
    [['--bogus'], /there is no option "--bogus"/],
    [['make_all'], /there is no option "make_all"/],
    [['-rnx'], /there is no option/],
    [['--memory'], /--memory must be followed by a MiB/],
    [['--memory', '63'], /--memory must be an integer in 64\.\.16777216, got "63"/],
    [['--memory', '1e3'], /got "1e3"/],
    [['--cpus', '0'], /--cpus must be an integer in 1\.\.1024/],
    [['--cid', '3'], /--cid must be an integer in 4\.\.4194303, got "3"/],
    [['--network=yes'], /--network takes no value, got yes/],
    [['--kernel='], /--kernel must be followed by a name/],
    [['--cmd'], /--cmd must be followed by a line/],
    [['--cmd', 'make_eif', '--network'], /--network stands after the last --cmd and would have no effect/],
  ];
  for (const [words, message] of table) {
    assert.throws(() => parseRbuildsWords(words), { code: 'RBUILDS_OPTION', message }, words.join(' '));
  }
});

test('any words are an order or a refusal with the code for it', () => {
  const known = RBUILDS_OPTIONS.flatMap(({ names }) => names);
  fc.assert(
    fc.property(fc.array(fc.oneof(fc.constantFrom(...known), fc.string(), fc.constant('a.dockerfile'))), (words) => {
      try {
        const { steps } = parseRbuildsWords(words);
        assert.ok(steps.length <= words.length);
      } catch (error) {
        assert.equal((error as { code?: string }).code, 'RBUILDS_OPTION');
      }
    }),
    { seed: 7, numRuns: 500 },
  );
});

test('docs/rbuilds.md has every option and every command by its name', () => {
  const page = readFileSync(join(import.meta.dirname, '../../../../docs/rbuilds.md'), 'utf8');
  const idle = /^docker_(?:\w+_clear|prepare_\w+|\w*image_build)$/;
  const names = [
    ...RBUILDS_OPTIONS.flatMap((option) => option.names),
    ...RBUILDS_COMMANDS.map(({ name }) => name),
  ].filter((name) => !page.includes(`\`${name}`) && !idle.test(name));
  assert.deepEqual(names, []);
});

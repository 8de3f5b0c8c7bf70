// Completion as a shell does it: the script that the program prints, run by the real shell, with a `caisson` that has two enclaves.
import { deepEqual, equal, match, ok } from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { PassThrough } from 'node:stream';
import { after, before, test } from 'node:test';
import { writeSpec } from '@caisson/host/record';
import { fakeSpec } from '@caisson/testkit/fake';
import { hear } from '@caisson/testkit/program';
import { readCompletionPlaces } from './completion-model.ts';
import { COMPLETION_SHELLS } from './completion-script.ts';
import { createProgram } from './program.ts';
import { run } from './run.ts';

const folder = mkdtempSync(join(tmpdir(), 'caisson-'));
const script = (shell: string): string => join(folder, `completion.${shell}`);
const env = { CAISSON_STATE: join(folder, 'state') };
const places = readCompletionPlaces(
  await createProgram({
    stdin: new PassThrough(),
    stdout: new PassThrough(),
    stderr: new PassThrough(),
    env: {},
    name: 'caisson',
    stop: new AbortController().signal,
    onReload: () => {},
  }),
);

before(async () => {
  for (const name of ['web', 'worker']) await writeSpec(env.CAISSON_STATE, fakeSpec(name));
  const { out } = await caisson('__names');
  writeFileSync(join(folder, 'caisson'), `#!/bin/sh\n[ "$1" = __names ] && printf '%s' '${out}'\n`, { mode: 0o755 });
  for (const shell of COMPLETION_SHELLS) writeFileSync(script(shell), (await caisson('completion', shell)).out);
});
after(() => rmSync(folder, { recursive: true }));

const caisson = (...words: readonly string[]) => hear(run, words, { env });

const has = (shell: string): boolean => spawnSync('sh', ['-c', `command -v ${shell}`]).status === 0;
const skipOf = (shell: string): false | string => (has(shell) ? false : `no ${shell} on this machine`);

/** What bash offers for the last of `words`. */
function bash(...words: readonly string[]): string[] {
  const line = `source ${script('bash')}; COMP_WORDS=(caisson "$@"); COMP_CWORD=$#; _caisson; printf '%s\\n' "\${COMPREPLY[@]}"`;
  const { stdout, stderr, status } = spawnSync('bash', ['--norc', '-uc', line, 'bash', ...words], {
    env: { PATH: `${folder}:${process.env['PATH']}` },
    encoding: 'utf8',
  });
  equal(status, 0, stderr);
  return stdout.split('\n').filter((word) => word !== '');
}

test('bash completes commands, subcommands and options from the tree', { skip: skipOf('bash') }, () => {
  ok(bash('').includes('logs'));
  deepEqual(bash('run-'), ['run-enclave']);
  deepEqual(bash('attest', 'ver'), ['verify']);
  deepEqual(
    bash('attest', 'policy', ''),
    places.find(({ path }) => path === 'attest policy')?.commands.map(({ name }) => name),
  );
  deepEqual(bash('logs', '--fo'), ['--follow']);
  deepEqual(bash('logs', '--service', ''), [], 'a value of an option is no command');
});

test('bash completes names of enclaves where an enclave is meant, and nowhere else', { skip: skipOf('bash') }, () => {
  for (const words of [
    ['logs'],
    ['exec'],
    ['console'],
    ['stop'],
    ['restart'],
    ['rm'],
    ['inspect'],
    ['wait'],
    ['job', 'list'],
    ['stats', 'web'],
  ])
    deepEqual(bash(...words, 'w'), ['web', 'worker'], words.join(' '));
  deepEqual(bash('initctl', '--enclave', 'wo'), []);
  deepEqual(bash('terminate-enclave', '--enclave-name', 'wo'), ['worker']);
  deepEqual(bash('operator', 'show', 'w'), []);
  deepEqual(bash('exec', 'web', '--', 'w'), [], 'behind -- the words are the command’s');
});

test('bash completes what an option may be, where the tree says so', { skip: skipOf('bash') }, () => {
  deepEqual(bash('up', '--backend', 's'), ['sim']);
});

test('every place of the tree stands in every script, and hidden commands in none', () => {
  ok(places.length > 60);
  for (const { commands } of places) for (const { name } of commands) ok(!/^(__names|shim)$/.test(name));
});

for (const [shell, words] of [
  ['bash', ['-n']],
  ['zsh', ['-n']],
  ['fish', ['--no-execute']],
] as const) {
  test(`${shell} reads the script`, { skip: skipOf(shell) }, () => {
    const { status, stderr } = spawnSync(shell, [...words, script(shell)], { encoding: 'utf8' });
    deepEqual([status, stderr], [0, '']);
  });
}

test('fish completes commands and names', { skip: skipOf('fish') }, () => {
  const ask = (line: string): string[] => {
    const { stdout } = spawnSync(
      'fish',
      ['--no-config', '-c', `source ${script('fish')}; complete -C ${JSON.stringify(line)}`],
      {
        env: { PATH: `${folder}:${process.env['PATH']}`, HOME: folder },
        encoding: 'utf8',
      },
    );
    return stdout.split('\n').map((row) => row.split('\t')[0] ?? '');
  };
  ok(ask('caisson lo').includes('logs'));
  ok(ask('caisson logs w').includes('worker'));
});

test('another shell is refused with 64, and names are printed one a line', async () => {
  const { code, err } = await caisson('completion', 'tcsh');
  equal(code, 64);
  match(err, /completion is for bash, zsh, fish, got "tcsh"/);
  equal((await caisson('__names')).out, 'web\nworker\n');
});

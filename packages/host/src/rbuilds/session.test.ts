// The table of commands with made-up stages: which run, in what order, and how a run ends.
import assert from 'node:assert/strict';
import { existsSync, mkdirSync, mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, before, test } from 'node:test';
import { PolicyError } from '@caisson/core/errors';
import { withLock } from '../file/index.ts';
import { parseRbuildsLine, RBUILDS_COMMANDS } from './command.ts';
import { createRbuildsSession } from './session.ts';
import { DEFAULT_RBUILDS_SETTINGS, type RbuildsSettings } from './settings.ts';
import { type RbuildsWorld, STAGES, type Stage, type StageName, type Stages } from './world.ts';

let folder: string;
before(() => {
  folder = mkdtempSync(join(tmpdir(), 'caisson-rbuilds-'));
});
after(() => rmSync(folder, { recursive: true }));

interface Ran {
  readonly stage: StageName;
  readonly settings: RbuildsSettings;
}

function open(settings: Partial<RbuildsSettings> = {}, answers: boolean[] = [], fails?: StageName) {
  const ran: Ran[] = [];
  const said: string[] = [];
  const stop = new AbortController();
  const world: RbuildsWorld = {
    folder,
    env: { PATH: process.env['PATH'] },
    stop: stop.signal,
    builderVersion: '1.2.3',
    say: (line) => void said.push(line),
    ask: async (question) => {
      said.push(question);
      return answers.shift() ?? false;
    },
  };
  const stages = Object.fromEntries(
    STAGES.map((stage): [StageName, Stage] => [
      stage,
      async (now, { say }) => {
        ran.push({ stage, settings: now });
        say(`in ${stage}`);
        if (stage === fails) throw new PolicyError('RBUILDS_KERNEL', 'no kernel', { hint: 'make one' });
      },
    ]),
  ) as unknown as Stages;
  const session = createRbuildsSession({ ...DEFAULT_RBUILDS_SETTINGS, ...settings }, stages, world);
  return { session, ran, said, stop, names: () => ran.map(({ stage }) => stage) };
}

const all = ['kernel', 'apps', 'init', 'eif'];

test('every command does what the table says, by its name, as a target of make, and by its older name', async () => {
  const expected: Readonly<Record<string, readonly string[]>> = {
    make: all,
    'make all': all,
    make_all: all,
    'make =x.dockerfile': all,
    'make :=x.dockerfile': all,
    'make all x.dockerfile': all,
    'make nitro': ['nitro'],
    make_nitro: ['nitro'],
    install_nitro_enclaves: ['nitro'],
    'make kernel': ['kernel'],
    make_kernel: ['kernel'],
    docker_kernel_build: ['kernel'],
    'make apps': ['apps'],
    make_apps: ['apps'],
    docker_apps_rs_build: ['apps'],
    'make init': ['init'],
    make_init: ['init'],
    docker_init_apps_build: ['init'],
    docker_init_nix_build: ['init'],
    'make eif': ['eif'],
    'make eif x.dockerfile': ['eif'],
    make_eif: ['eif'],
    'make_eif x.dockerfile': ['eif'],
    eif_build_with_initc: ['eif'],
    eif_build_with_initgo: ['eif'],
    docker_container_apps_image_build: ['eif'],
    init_and_rootfs_base_images_build: ['eif'],
    docker_to_rootfs_fs_image_build: ['eif'],
    ramdisk_image_build: ['eif'],
    'make clear': ['clear'],
    make_clear: ['clear'],
  };
  for (const [line, stages] of Object.entries(expected)) {
    const { session, ran, names } = open();
    await session.run(`  ${line} `);
    assert.deepEqual(names(), stages, line);
    const file = line.includes('x.dockerfile') ? 'x.dockerfile' : null;
    assert.ok(
      ran.every(({ settings }) => settings.dockerfile === file),
      line,
    );
  }
  const covered = new Set(Object.keys(expected));
  const missing = RBUILDS_COMMANDS.filter(({ name, action }) => action.kind === 'stages' && !covered.has(name));
  assert.deepEqual(missing, [], 'every command with stages has a row');
});

test('make_all builds and never runs what it built: there is no stage that would', async () => {
  const { session, names, said } = open();
  await session.run('make_all');
  assert.deepEqual(names(), all);
  assert.doesNotMatch(said.join('\n'), /run-enclave/);
});

test('names of containers that no longer are say why there is nothing to do', async () => {
  const idle = RBUILDS_COMMANDS.filter(({ action }) => action.kind === 'idle');
  assert.ok(idle.length >= 15);
  for (const { name } of idle) {
    const { session, said, names } = open();
    assert.equal(await session.run(name), 'done');
    assert.match(said.join('\n'), new RegExp(`^${name}: nothing to do: `));
    assert.deepEqual(names(), []);
  }
});

test('toggles turn on and off, and a stage has the settings of the moment it starts', async () => {
  const toggles: Readonly<Record<string, keyof RbuildsSettings>> = {
    tty: 'terminal',
    debug: 'debug',
    q: 'question',
    lsh: 'localShell',
    network: 'network',
    reverse_network: 'reverseNetwork',
    forward_network: 'forwardNetwork',
  };
  for (const [line, key] of Object.entries(toggles)) {
    const { session, ran } = open({}, [true]);
    await session.run(line);
    assert.equal(session.settings[key], true, line);
    await session.run('make_init');
    assert.equal(ran[0]?.settings[key], true, line);
    await session.run(line);
    assert.equal(session.settings[key], false, line);
  }
  const rows = RBUILDS_COMMANDS.filter(({ action }) => action.kind === 'toggle').map(({ name }) => name);
  assert.deepEqual(rows.sort(), Object.keys(toggles).sort());
});

test('help has every option and command, and info what is set', async () => {
  for (const { name, action } of RBUILDS_COMMANDS) {
    if (action.kind !== 'text') continue;
    const { session, said } = open({ memoryMiB: 77 });
    await session.run(name);
    const text = said.join('\n');
    if (name !== 'info' && name !== 'help_cli')
      for (const word of ['make_eif', 'lsh', 'break']) assert.ok(text.includes(word), name);
    if (name !== 'info' && name !== 'help') assert.match(text, /--rev-net, -rn/, name);
    if (name === 'man' || name === 'help_ext_man') assert.match(text, /make_build\.log/, name);
    if (name === 'info') assert.match(text, /memory +77 MiB/);
  }
});

test('exit and break end the session; an empty line and a comment do nothing', async () => {
  for (const line of ['exit', 'break']) assert.equal(await open().session.run(line), 'end');
  for (const line of ['', '   ', '# make_all']) {
    const { session, names } = open();
    assert.equal(await session.run(line), 'done');
    assert.deepEqual(names(), []);
  }
});

test('a name that nobody knows is refused, unless lsh hands it to a shell; words too many are refused', async () => {
  for (const line of ['bogus', 'make bogus', 'make_init x', 'make_eif a b', 'toString', 'make toString']) {
    await assert.rejects(open().session.run(line), { code: 'RBUILDS_COMMAND' }, line);
  }
  const { session, said } = open({ localShell: true });
  await session.run('echo "$PATH" > /dev/null && echo from a shell');
  assert.deepEqual(said, ['from a shell']);
  await assert.rejects(session.run('echo last word; exit 7'), {
    code: 'RBUILDS_PROGRAM',
    message: /\/bin\/sh .* ended with 7: last word$/,
  });
});

test('a stage that fails ends the run with its name, its hint and its log; later stages do not run', async () => {
  rmSync(join(folder, 'eif'), { recursive: true, force: true });
  const { session, names } = open({}, [], 'apps');
  await assert.rejects(session.run('make_all'), {
    code: 'RBUILDS_STAGE',
    message: 'make_apps failed: no kernel',
    hint: 'make one',
  });
  assert.deepEqual(names(), ['kernel', 'apps']);
  assert.equal(
    readFileSync(join(folder, 'eif/make_build.log'), 'utf8'),
    'make_kernel\nin kernel\nmake_kernel: done\nmake_apps\nin apps\nmake_apps failed: no kernel\n',
  );
});

test('with questions each stage waits for a yes, and what is not wanted is left out', async () => {
  const { session, names, said } = open({ question: true }, [true, false, true, true]);
  await session.run('make all');
  assert.deepEqual(names(), ['kernel', 'init', 'eif']);
  assert.ok(said.includes('run make_apps?') && said.includes('make_apps: left out'));
  const yes = open({ question: true, yes: true });
  await yes.session.run('make all');
  assert.deepEqual(yes.names(), all);
});

test('make_nitro and make_clear leave no folder where there was none', async () => {
  rmSync(join(folder, 'eif'), { recursive: true, force: true });
  const { session } = open();
  await session.run('make_nitro');
  await session.run('make_clear');
  assert.equal(existsSync(join(folder, 'eif')), false);
});

test('a second run in the same folder is refused while the first builds', async () => {
  mkdirSync(join(folder, 'eif'), { recursive: true });
  await withLock(join(folder, 'eif/.make_build.lock'), async () => {
    const { session, names } = open();
    await assert.rejects(session.run('make_eif'), { code: 'RBUILDS_STAGE', message: /^make_eif failed: .*\b\d+\b/ });
    assert.deepEqual(names(), []);
  });
});

test('a stop ends the run before the next stage, with its own reason', async () => {
  const { session, stop, names } = open();
  stop.abort('SIGINT');
  await assert.rejects(session.run('make_all'), (reason) => reason === 'SIGINT');
  assert.deepEqual(names(), []);
});

test('no line makes the parser fail in any other way', () => {
  for (const line of ['make =', 'make :=', 'make\t', '\0', 'make __proto__', 'constructor', 'ünï']) {
    try {
      parseRbuildsLine(line);
    } catch (error) {
      assert.equal((error as { code?: string }).code, 'RBUILDS_COMMAND', line);
    }
  }
});

// The commands of rbuilds about enclaves that run, over an engine of the test's own: what is asked of it, what is printed and logged.
import { deepEqual, equal, match, rejects } from 'node:assert/strict';
import { mkdirSync, mkdtempSync, readFileSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { type TestContext, test } from 'node:test';
import { fakeRecord } from '@caisson/testkit/fake';
import type { DescribedEnclave } from '../backend-nitro/index.ts';
import type { Engine, EngineCommand, EngineVerb, EngineWatch } from '../engine/index.ts';
import { NITRO_NAME_LABEL } from '../nitro-verb/index.ts';
import type { EnclaveRecord } from '../record/index.ts';
import { RBUILDS_COMMANDS } from './command.ts';
import { RBUILDS_ENCLAVE_NAME } from './enclave-line.ts';
import { createRbuildsSession } from './session.ts';
import { DEFAULT_RBUILDS_SETTINGS, type RbuildsSettings } from './settings.ts';
import { RBUILDS_STAGES } from './stage.ts';

const houseName = 'app-builder-secure-enclaves-framework-toolkit';

function scene(context: TestContext, { answers = [] as boolean[], hasImage = true } = {}) {
  const folder = mkdtempSync(join(tmpdir(), 'caisson-rbuilds-'));
  context.after(() => rmSync(folder, { recursive: true }));
  mkdirSync(join(folder, 'eif'));
  if (hasImage) writeFileSync(join(folder, 'eif/app-builder-secure-enclaves-framework.eif'), 'an image');
  const records = new Map<string, EnclaveRecord>();
  const asked: EngineCommand[] = [];
  const end = (names: readonly string[]) => {
    for (const name of names) records.delete(name);
    return { enclaves: names.map((name) => ({ name, wasRunning: true, end: 'ended', removed: true, failure: null })) };
  };
  const engine: Engine = {
    state: join(folder, 'state'),
    async execute<Verb extends EngineVerb>(
      command: Extract<EngineCommand, { readonly verb: Verb }>,
      watch: EngineWatch = {},
    ) {
      const one = command as EngineCommand;
      if (one.verb !== 'list') asked.push(one);
      if (one.verb === 'run') {
        watch.onEvent?.({ kind: 'note', enclave: null, level: 'info', text: 'backend sim; SIMULATED' });
        const { name = '', labels, cid = 16, cpus = { count: 1 }, memoryMiB = 1, debug } = one;
        records.set(
          name,
          fakeRecord(name, { labels, cpus, memoryMiB, debug, hasReadyLine: false, hasControl: false }, { cid }),
        );
        return { name, kind: 'started', failure: null } as never;
      }
      return (one.verb === 'list' ? [...records.values()] : 'names' in one ? end(one.names) : undefined) as never;
    },
  };
  const terminated: string[] = [];
  const foreign: DescribedEnclave[] = [];
  const parent = {
    describe: async () => foreign,
    terminate: async (id: string) => void terminated.push(id),
  };
  const said: string[] = [];
  const session = (settings: Partial<RbuildsSettings> = {}) =>
    createRbuildsSession({ ...DEFAULT_RBUILDS_SETTINGS, memoryMiB: 512, cpus: 2, ...settings }, RBUILDS_STAGES, {
      folder,
      env: {},
      stop: new AbortController().signal,
      builderVersion: '0',
      say: (line) => void said.push(line),
      async ask(question) {
        said.push(question);
        return answers.shift() ?? false;
      },
      openEnclaves: async (say) => ({
        engine,
        parent,
        say,
        env: {},
        async attach(name, { follow, write }) {
          write(`console of ${name}, ${follow ? 'followed' : 'so far'}\r\nhalf`);
          write(' a line\n');
        },
      }),
    });
  const log = (): string => readFileSync(join(folder, 'eif/run-enclave.log'), 'utf8');
  return { folder, session, records, asked, terminated, foreign, said, log };
}

test('every command about enclaves has a way, and make enclave is make_enclave', () => {
  const names = RBUILDS_COMMANDS.filter(({ action }) => action.kind === 'enclave').map(({ name }) => name);
  deepEqual(names.sort(), [
    ...['attach_console_to_enclave', 'attach_console_to_recent_enclave', 'drop_enclave', 'drop_enclaves_all'],
    ...['drop_recent_enclave', 'list_enclaves', 'make_enclave', 'run_eif_image', 'run_eif_image_debugmode'],
    'run_eif_image_debugmode_cli',
  ]);
});

test('run_eif_image and its forms start the image under the known name and CID 127, and log what they print', async (context) => {
  const cases: readonly (readonly [string, boolean, boolean])[] = [
    ['run_eif_image', false, false],
    ['run_eif_image_debugmode', true, false],
    ['run_eif_image_debugmode_cli', true, true],
  ];
  for (const [line, debug, attach] of cases) {
    const { session, asked, said, log, folder } = scene(context);
    await session().run(line);
    const [run] = asked;
    equal(run?.verb, 'run');
    if (run?.verb !== 'run') return;
    deepEqual(
      [run.name, run.labels, run.cid, run.cpus, run.memoryMiB, run.debug, run.backend],
      [houseName, { [NITRO_NAME_LABEL]: RBUILDS_ENCLAVE_NAME }, 127, { count: 2 }, 512, debug, 'auto'],
    );
    equal(run.image, join(folder, 'eif/app-builder-secure-enclaves-framework.eif'));
    match(said[0] ?? '', /SIMULATED/);
    match(said.join('\n'), /"EnclaveName": "app_builder_secure_enclaves_framework_toolkit",\n.*"EnclaveCID": 127,/s);
    equal(/console of .*, followed\nhalf a line$/.test(said.join('\n')), attach);
    equal(log(), `$ ${line}\n${said.join('\n')}\n`);
    equal(statSync(join(folder, 'eif/run-enclave.log')).mode & 0o777, 0o600);
  }
});

test('list_enclaves and the attach commands find the enclave by name, or the first of the list', async (context) => {
  const { session, records, said } = scene(context);
  records.set('other', fakeRecord('other'));
  await session().run('run_eif_image');
  said.length = 0;
  await session().run('list_enclaves');
  match(said.join('\n'), /"EnclaveName": "other",.*"EnclaveName": "app_builder_/s);
  await session().run('attach_console_to_enclave');
  match(said.join('\n'), new RegExp(`console of ${houseName}, followed`));
  await session().run('attach_console_to_recent_enclave');
  match(said.join('\n'), /console of other, followed/);
});

test('the drop commands end the named enclave, the first one, and all with those of others', async (context) => {
  const { session, asked, records, foreign, terminated } = scene(context);
  records.set('other', fakeRecord('other'));
  await session().run('run_eif_image');
  await session().run('drop_enclave');
  deepEqual(asked.at(-1), { verb: 'remove', names: [houseName], force: true });
  await session().run('drop_recent_enclave');
  deepEqual(asked.at(-1), { verb: 'stop', names: ['other'] });
  await rejects(session().run('drop_recent_enclave'), {
    code: 'RBUILDS_ENCLAVE',
    message: /an enclave must run here, got none/,
  });
  await session().run('run_eif_image');
  foreign.push({
    EnclaveID: 'i-1-enc1',
    ProcessID: 1,
    EnclaveCID: 90,
    State: 'RUNNING',
    Flags: 'NONE',
    EnclaveName: 'theirs',
  });
  await session().run('drop_enclaves_all');
  deepEqual([terminated, records.size], [['i-1-enc1'], 0]);
});

test('make_enclave asks before each step, and its console does not wait for the end', async (context) => {
  const { session, said, records } = scene(context, { answers: [true, true, false, true] });
  await session().run('make enclave');
  const text = said.join('\n');
  match(text, /run run_eif_image_debugmode\?\n.*console of .*, so far\n.*list_enclaves: left out\nrun drop_enclave\?/s);
  equal(records.size, 0);
  const yes = scene(context);
  await yes.session({ yes: true }).run('make_enclave');
  equal(
    yes.said.some((line) => line.startsWith('run ')),
    false,
  );
});

test('what fails ends the run with its line, the hint and the log', async (context) => {
  const { session, log } = scene(context, { hasImage: false });
  await rejects(session().run('run_eif_image'), {
    code: 'RBUILDS_ENCLAVE',
    message: /^run_eif_image failed: --eif-path .* must be an image file/,
  });
  await rejects(session().run('drop_enclave'), {
    message: /one enclave must have the name app_builder_.*, got 0/,
    hint: 'no enclave runs here',
  });
  match(log(), /^\$ run_eif_image\nrun_eif_image failed: .*\n\$ drop_enclave\ndrop_enclave failed: .*\n$/);
});

// What a start of the program reads. Half of what a command line takes is the reading of modules: a room that is imported where a command is declared, and
// not where it runs, is paid for by every other command.
import assert from 'node:assert/strict';
import { isBuiltin } from 'node:module';
import { basename } from 'node:path';
import { test } from 'node:test';
import { buildProgram } from '../../scripts/bundle.ts';
import { whyNotFresh } from '../../scripts/program.ts';
import { files, read } from './tree.ts';

// Chosen: what it is, and a fifth more.
const maxStartBytes = 180_000;

const built = buildProgram();

// What commander needs, and what costs nothing besides.
const lightBuiltins = [
  'child_process',
  'events',
  'fs',
  'fs/promises',
  'module',
  'os',
  'path',
  'process',
  'url',
  'util',
];

interface Loaded {
  /** Of Node, without `node:`. */
  readonly builtins: readonly string[];
  readonly inputs: readonly string[];
  readonly bytes: number;
}

/** What is read to import the piece that has `module`: everything but what is imported later. */
async function loadedWith(module: string): Promise<Loaded> {
  const { outputs } = (await built).pieces.metafile;
  const byName = new Map(Object.entries(outputs).map(([path, output]) => [basename(path), output]));
  const found = [...byName].find(([, { inputs }]) => (inputs[module]?.bytesInOutput ?? 0) > 0);
  assert.ok(found !== undefined, `no piece has ${module}`);
  const names = new Set([found[0]]);
  for (const name of names) {
    for (const { path, kind, external } of byName.get(name)?.imports ?? []) {
      if (kind === 'import-statement' && !external) names.add(basename(path));
    }
  }
  const pieces = [...names].map((name) => byName.get(name)!);
  return {
    builtins: pieces.flatMap(({ imports }) =>
      imports.flatMap(({ path, kind, external }) =>
        external === true && kind === 'import-statement' ? [path.replace(/^node:/, '')] : [],
      ),
    ),
    inputs: pieces.flatMap(({ inputs }) => Object.keys(inputs)),
    bytes: pieces.reduce((sum, { bytes }) => sum + bytes, 0),
  };
}

test('every start reads commander and the names of commands, and each command what it declares: no room of the host, nothing else of third parties', async () => {
  const { bytes } = await loadedWith('packages/cli/src/program.ts');
  assert.ok(bytes < maxStartBytes, `${bytes} bytes`);
  const commands = files(/^packages\/cli\/src\/commands\/[a-z-]+\.ts$/);
  assert.ok(commands.length > 40);
  for (const module of commands) {
    const { builtins, inputs } = await loadedWith(module);
    const heavy = [
      ...inputs.filter((path) => /^node_modules\/(?!commander\/)/.test(path)),
      ...inputs.filter((path) => /^packages\/(host|vrf|enclave|sys)\//.test(path) && path !== nearestWord),
      ...builtins.filter((name) => !lightBuiltins.includes(name)),
    ];
    assert.deepEqual(heavy, [], module);
  }
});

// Words of a mistaken command line are compared with those that there are.
const nearestWord = 'packages/host/src/service/nearest-word.ts';

test('records of enclaves are read without the rooms of images, builds, backends and control', async () => {
  for (const room of ['record/record.ts', 'file/state-folder.ts']) {
    const { inputs } = await loadedWith(`packages/host/src/${room}`);
    assert.deepEqual(
      inputs.filter((path) => /@noble|\/(image|build|runtime|backend|engine|control|eif|cpio)[/-]/.test(path)),
      [],
    );
  }
});

test('a shim is one file that imports nothing but Node’s own: what it was made of may be gone when it needs it', async () => {
  const { outputs } = (await built).shim.metafile;
  const files = Object.entries(outputs).filter(([path]) => path.endsWith('.mjs'));
  assert.deepEqual(
    files.map(([path]) => basename(path)),
    ['shim.mjs'],
  );
  for (const [, { imports }] of files) {
    assert.deepEqual(
      imports.filter(({ path, external }) => external !== true || !isBuiltin(path)),
      [],
    );
  }
});

test('no module of the program asks where it lies but by its folder, which the bundle answers with that of all its parts', async () => {
  const { pieces, shim } = await built;
  const own = [pieces, shim].flatMap(({ metafile }) => Object.keys(metafile.inputs));
  for (const path of new Set(own.filter((one) => one.startsWith('packages/')))) {
    assert.doesNotMatch(read(path), /import\.meta\.(?!dirname\b)/, path);
  }
});

test('a program that was bundled before an edit of one of its sources is not fresh, and neither is one whose source is gone', () => {
  const inputs = ['packages/cli/src/program.ts', 'packages/cli/src/run.ts'];
  const why = (startedMs: number, more: readonly string[] = []): string | undefined =>
    whyNotFresh(() => ({ pieces: [], inputs: [...inputs, ...more], startedMs }));
  assert.equal(why(Date.now() + 60_000), undefined);
  assert.equal(why(0), 'is older than packages/cli/src/program.ts');
  assert.equal(why(Date.now() + 60_000, ['packages/none.ts']), 'is older than packages/none.ts');
  assert.equal(
    whyNotFresh(() => {
      throw new Error('none');
    }),
    'is not built',
  );
});

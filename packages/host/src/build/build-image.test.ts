// What goes into an image, in which form, and what is refused. Images here are some kilobytes; test/scenario builds whole ones.
import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import { createHash } from 'node:crypto';
import {
  chmodSync,
  existsSync,
  linkSync,
  mkdirSync,
  readdirSync,
  readFileSync,
  statSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs';
import { join } from 'node:path';
import { afterEach, beforeEach, test } from 'node:test';
import { toHex } from '@caisson/core/bytes';
import { streamCpio } from '@caisson/core/cpio';
import { readEif } from '@caisson/core/eif';
import {
  parseMeasuredImage,
  parseMeasuredInit,
  parseMeasuredOperators,
  parseMeasuredServices,
} from '@caisson/core/measured';
import { type BuildScene, createBuildScene, type SceneChanges } from '@caisson/testkit/build';
import { type ListedFile, listImageFiles, measureImage, openImageFile } from '../image/index.ts';
import type { OpenedSource, TreeEntry } from '../tree/index.ts';
import { type BuildProgress, type BuiltImage, buildImage, type Manifest } from './index.ts';

let scene: BuildScene;
let output: string;
const warnings: string[] = [];
const progress: BuildProgress = { step: () => {}, bytes: () => {}, warning: (text) => void warnings.push(text) };
beforeEach(() => {
  scene = createBuildScene();
  output = join(scene.folder, 'app.eif');
  warnings.length = 0;
});
afterEach(() => scene.remove());

const build = (changes: SceneChanges = {}): Promise<BuiltImage> =>
  buildImage(scene.plan(changes), output, { progress });
const app = { 'package.json': '{"main":"./main.js"}', 'main.js': '1' };

async function listed(): Promise<Map<string, ListedFile & { readonly text?: string }>> {
  const file = await openImageFile(output);
  try {
    const eif = await readEif(file, () => createHash('sha384'));
    const found = new Map<string, ListedFile & { readonly text?: string }>();
    for await (const one of listImageFiles(file, eif.sections)) found.set(`${one.ramdisk} ${one.path}`, one);
    for (const [index, section] of eif.sections.filter(({ kind }) => kind === 'ramdisk').entries()) {
      for await (const entry of streamCpio(file.pieces(section.offset, section.size))) {
        const parts: Uint8Array[] = [];
        for await (const piece of entry.content()) parts.push(piece.slice());
        const key = `${index} ${entry.path}`;
        if (entry.kind === 'file') found.set(key, { ...found.get(key)!, text: Buffer.concat(parts).toString() });
      }
    }
    return found;
  } finally {
    await file.close();
  }
}

test('a folder is an application in /app, with PID 1 in front of it and the supervisor beside it', async () => {
  scene.write(app);
  await build();
  const files = await listed();
  const texts = (path: string): string | undefined => files.get(path)?.text;
  assert.deepEqual(
    [...files.keys()].filter((path) => path.startsWith('0 ')),
    ['0 dev', '0 init', '0 profile', '0 supervisor'],
  );
  assert.equal(texts('0 profile'), 'production\n');
  assert.equal(
    texts('0 supervisor'),
    [
      '/usr/lib/caisson/runtime/lib/ld-linux-x86-64.so.2',
      ...['--library-path', '/usr/lib/caisson/runtime/lib', '/usr/lib/caisson/runtime/bin/node'],
      ...['--max-old-space-size=96', '--max-semi-space-size=1'],
      ...['/usr/lib/caisson/caisson-enclave.mjs', 'supervise', ''],
    ].join('\n'),
  );
  assert.equal(texts('1 cmd'), '/usr/bin/node\n/app/main.js\n');
  assert.equal(texts('1 env'), 'PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin\nHOME=/\n');
  for (const path of [
    'app/main.js',
    'etc/passwd',
    'usr/lib/caisson/caisson.node',
    'usr/lib/caisson/runtime/bin/node',
  ]) {
    assert.equal(files.get(`1 rootfs/${path}`)?.kind, 'file', path);
  }
  for (const path of ['dev', 'proc', 'run', 'sys', 'tmp', 'var']) {
    assert.equal(files.get(`1 rootfs/${path}`)?.kind, 'directory', path);
  }
  assert.equal(files.get('1 rootfs/usr/bin/node')?.target, '../../usr/lib/caisson/runtime/bin/node');
  const own = [...files.values()].filter(({ uid, gid, mtime }) => uid !== 0 || gid !== 0 || mtime !== 0);
  assert.deepEqual(own, [], 'owners and times are zero');
});

test('argonaut, initctl and caisson-enclave are there for services to call, and never instead of the source’s own', async () => {
  scene.write({ 'service/app.service': 'ExecStart = "argonaut enclave"\nStandardInput = "config"\n' });
  await build();
  const files = await listed();
  const launcher = files.get('1 rootfs/usr/lib/caisson/caisson-launcher');
  assert.deepEqual([launcher?.kind, launcher?.mode], ['file', '0755']);
  for (const name of ['argonaut', 'caisson-enclave', 'initctl']) {
    assert.equal(files.get(`1 rootfs/usr/bin/${name}`)?.target, '../../usr/lib/caisson/caisson-launcher');
  }
  assert.match(
    files.get('1 rootfs/etc/caisson/services.json')?.text ?? '',
    /"argv": \[\s*"\/usr\/bin\/argonaut",\s*"enclave"\s*\]/,
  );

  const own = ['usr/bin/initctl', 'usr/bin/true'];
  scene.write(Object.fromEntries(own.map((path) => [path, '#!'])));
  for (const path of own) chmodSync(join(scene.folder, 'source', path), 0o755);
  await build({ settings: { rootfs: true, command: ['true'] } });
  const names = await listed();
  assert.equal(names.get('1 rootfs/usr/bin/initctl')?.kind, 'file');
  assert.equal(names.get('1 rootfs/usr/bin/argonaut')?.kind, 'symlink');
});

test('a development image has commands for its operators in a folder that is on no other path, a production image has none', async () => {
  scene.write(app);
  const names = async (profile: 'development' | 'production') => {
    const plan = scene.plan({ settings: { profile } });
    const tree = new Map<string, TreeEntry>(plan.runtime!.tree);
    // As opening a runtime gives it.
    if (profile === 'development') tree.set('usr/lib/caisson/busybox', tree.get('usr/lib/caisson/runtime/bin/node')!);
    await buildImage({ ...plan, runtime: { ...plan.runtime!, tree } }, output, { progress });
    return await listed();
  };
  const development = await names('development');
  assert.equal(development.get('1 rootfs/usr/lib/caisson/bin/ls')?.target, '../busybox');
  assert.ok(!development.has('1 rootfs/usr/bin/ls') && !development.has('1 rootfs/bin'), 'not where a service looks');
  assert.ok(![...(await names('production')).keys()].some((path) => path.includes('caisson/bin')));
});

test('the measured files are what the readers inside take, and hold the command as the service app', async () => {
  scene.write({ ...app, 'service/db.service': '[Service]\nExecStart = "/app/main.js"\n' });
  chmodSync(join(scene.folder, 'source/main.js'), 0o755);
  const config = { expect: 'optional', timeoutMs: 5, unsigned: 'accept', requireSignature: false } as const;
  const rest = { minimumVersion: 1, label: null, keys: [], endpoints: null, environment: ['GREETING'] };
  await build({
    settings: {
      profile: 'development',
      ready: { readiness: { kind: 'port', port: 8080 }, timeoutMs: 9_000 },
      ingress: [{ vsockPort: 80, targetPort: 8080 }],
      environment: { A: 'b' },
      config: { ...config, ...rest, schema: { type: 'object', required: ['a'] } },
    },
  });
  const files = await listed();
  const bytes = (name: string): Uint8Array => Buffer.from(files.get(`1 rootfs/etc/caisson/${name}`)?.text ?? '');
  const image = parseMeasuredImage(bytes('image.json'));
  assert.deepEqual(image.components, ['network', 'ready']);
  assert.deepEqual(image.ingress, [{ vsockPort: 80, targetPort: 8080 }]);
  assert.equal(image.config.schema?.v, 1, 'the compiled table, not the schema');
  const { services } = parseMeasuredServices(bytes('services.json'));
  assert.deepEqual(
    services.map(({ name }) => name),
    ['app', 'db', 'network'],
  );
  const [own] = services;
  assert.deepEqual(own!.argv, ['/usr/bin/node', '/app/main.js']);
  assert.deepEqual([own!.workingDirectory, own!.environment['A'], own!.requires], ['/app', 'b', ['network']]);
  assert.deepEqual([own!.ready, own!.readyTimeoutMs], [{ kind: 'port', port: 8080 }, 9_000]);
  parseMeasuredInit(bytes('init.json'));
  parseMeasuredOperators(bytes('operators.json'));
});

test('the manifest lists exactly the entries of the ramdisks, with their hashes, and the sections as they are in the file', async () => {
  scene.write(app);
  symlinkSync('main.js', join(scene.folder, 'source/link'));
  const { manifestPath } = await build();
  const manifest = JSON.parse(readFileSync(manifestPath, 'utf8')) as Manifest;
  const files = await listed();
  const key = ({ ramdisk, path }: { ramdisk: number; path: string }): string => `${ramdisk} ${path}`;
  assert.deepEqual(manifest.files.map(key).sort(), [...files.keys()].sort());
  for (const one of manifest.files) {
    const { kind, mode, uid, gid, size, sha384, target } = files.get(key(one))!;
    const own = {
      kind: one.kind,
      mode: one.mode,
      uid: one.uid,
      gid: one.gid,
      size: one.size,
      sha384: one.sha384,
      target: one.target,
    };
    assert.deepEqual(own, { kind, mode, uid, gid, size, sha384, target }, one.path);
  }
  const file = await openImageFile(output);
  const eif = await readEif(file, () => createHash('sha384'));
  await file.close();
  assert.deepEqual(
    manifest.sections,
    eif.sections.map(({ kind, size, sha384 }) => ({ kind, size, sha384: toHex(sha384) })),
  );
  assert.deepEqual(manifest.measurements, await measureImage(output));
  assert.equal(manifest.size, statSync(output).size);
  assert.deepEqual(
    manifest.inputs.map(({ name, origin }) => `${name} ${origin}`),
    ['kernel given', 'init ledger', 'launcher ledger', 'addon ledger', 'enclave ledger', 'runtime ledger'],
  );
  assert.equal(manifest.toolchain, 'ledger');
});

test('init: plain is PID 1 and the one command, without supervisor, measured files or a node that nothing asks for', async () => {
  scene.write({ run: '#!' });
  chmodSync(join(scene.folder, 'source/run'), 0o755);
  await build({ settings: { init: 'plain', command: ['/app/run'], components: [] } });
  const files = await listed();
  assert.ok(!files.has('0 supervisor'));
  assert.ok(![...files.keys()].some((path) => /caisson/.test(path)));
  assert.equal(files.get('1 cmd')?.text, '/app/run\n');
  scene.write(app);
  await build({ settings: { init: 'plain' } });
  const paths = [...(await listed()).keys()];
  assert.ok(paths.includes('1 rootfs/usr/lib/caisson/runtime/bin/node') && paths.includes('1 rootfs/usr/bin/node'));
  assert.ok(!paths.some((path) => /caisson-enclave|caisson\.node|etc\/caisson/.test(path)));
});

test('a source without a command is built, with a warning that says why', async () => {
  scene.write({ a: '' });
  const { manifest } = await build();
  assert.deepEqual(manifest.command, []);
  assert.match(warnings.join(), /the image has no command \(the folder has no package.json\); it cannot be run/);
});

const container = (
  config: Partial<NonNullable<OpenedSource['config']>>,
  tree: [string, TreeEntry][] = [],
): OpenedSource => {
  const nothing = { entrypoint: null, cmd: null, env: [], workingDir: null, user: null, architecture: null };
  const bin: TreeEntry = {
    kind: 'file',
    mode: 0o4755,
    uid: 7,
    gid: 8,
    origin: 'layer',
    content: {
      size: 1,
      async *open() {
        yield Buffer.from('x');
      },
    },
  };
  const folder: TreeEntry = { kind: 'directory', mode: 0o700, uid: 5, gid: 6, origin: 'layer' };
  const entries = new Map<string, TreeEntry>([['bin', folder], ['bin/run', bin], ...tree]);
  const inputs = [{ name: 'layer 1', digest: `sha256:${'0'.repeat(64)}`, size: 1 }];
  return { kind: 'oci', tree: entries, config: { ...nothing, ...config }, inputs, close: async () => {} };
};

test('a container image keeps owners and modes and brings command, environment, folder and user', async () => {
  const source = container({
    entrypoint: ['/bin/run'],
    cmd: ['/bin/run', '-v'],
    env: ['PATH=/bin', 'X=1=2'],
    workingDir: '/bin',
    user: '7:8',
  });
  const { manifest } = await build({ source, settings: { environment: { X: '3' } } });
  const files = await listed();
  assert.deepEqual(
    [files.get('1 rootfs/bin/run')?.mode, files.get('1 rootfs/bin/run')?.uid, files.get('1 rootfs/bin')?.mode],
    ['4755', 7, '0700'],
  );
  assert.equal(files.get('1 env')?.text, 'PATH=/bin\nX=3\n');
  assert.ok(
    !files.has('1 rootfs/usr/bin/node') && !files.has('1 rootfs/etc/passwd'),
    'nothing is added to its own names',
  );
  const { services } = parseMeasuredServices(Buffer.from(files.get('1 rootfs/etc/caisson/services.json')!.text!));
  assert.deepEqual([services[0]!.user, services[0]!.group, services[0]!.workingDirectory], ['7', '8', '/bin']);
  assert.deepEqual(manifest.command, ['/bin/run', '/bin/run', '-v']);
  assert.deepEqual(manifest.inputs.at(-1), {
    name: 'layer 1',
    origin: 'source',
    size: 1,
    digest: `sha256:${'0'.repeat(64)}`,
  });
  const compat = await build({ source, settings: { nitroCliCompat: true, init: 'plain' } });
  assert.deepEqual(compat.manifest.command, ['/bin/run', '-v']);
  assert.match(warnings.join(), /folder \/bin and user 7:8 of the source not applied/);
});

test('a hard link is a file of its own with the same content', async () => {
  const link: TreeEntry = { kind: 'hardlink', mode: 0, uid: 0, gid: 0, origin: 'layer', target: 'bin/run' };
  await build({ source: container({ cmd: ['/bin/run'] }, [['again', link]]) });
  const files = await listed();
  assert.deepEqual(
    [files.get('1 rootfs/again')?.mode, files.get('1 rootfs/again')?.text, files.get('1 rootfs/again')?.uid],
    ['4755', 'x', 7],
  );
});

test('what Caisson puts into an image may not stand in the source, nor may a link be in its way', async () => {
  const entry: TreeEntry = { kind: 'symlink', mode: 0o777, uid: 0, gid: 0, origin: 'layer', target: '/x' };
  const folder: TreeEntry = { kind: 'directory', mode: 0o755, uid: 0, gid: 0, origin: 'layer' };
  const table: [name: string, entry: TreeEntry, message: RegExp][] = [
    ['etc', entry, /\/etc must be a folder, because etc\/caisson\/image.json goes there, got symlink/],
    ['usr', entry, /\/usr must be a folder/],
    ['etc/caisson', folder, /\/etc\/caisson must not be in the source/],
    ['usr/lib/caisson', folder, /\/usr\/lib\/caisson must not be in the source/],
  ];
  for (const [name, one, message] of table) {
    const above = name.includes('/') ? name.split('/').slice(0, -1) : [];
    const parents = above.map((_, index): [string, TreeEntry] => [above.slice(0, index + 1).join('/'), folder]);
    const source = container({ cmd: ['/bin/run'] }, [...parents, [name, one]]);
    await assert.rejects(build({ source }), { code: 'BUILD_CLASH', message });
  }
  assert.ok(!existsSync(output));
});

test('refuses settings that name nothing, steer the enclave, or would be lost in a plain image', async () => {
  scene.write(app);
  const base = scene.plan().settings;
  const config = { ...base.config, expect: 'optional', unsigned: 'accept' } as const;
  const operator = { name: 'a', spkiSha256: '0'.repeat(64), verbs: [], execTemplates: [] };
  const table: [settings: SceneChanges['settings'], code: string, message: RegExp][] = [
    [{ name: 'Big' }, 'BUILD_SETTING', /^name must be 1 to 63 of a-z/],
    [{ version: 'a b' }, 'BUILD_SETTING', /^version must be/],
    [{ sourceDateEpoch: -1 }, 'BUILD_SETTING', /^SOURCE_DATE_EPOCH must be whole seconds/],
    [{ environment: { 'A=B': '1' } }, 'BUILD_SETTING', /^env must have names/],
    [{ environment: { A: 'x\ny' } }, 'BUILD_COMMAND', /^environment must have no newline/],
    [{ command: ['/a', 'b\nc'] }, 'BUILD_COMMAND', /^command must have no newline or NUL/],
    [{ command: ['x'.repeat(70_000)] }, 'BUILD_COMMAND', /^command must have at most 65535 bytes/],
    [{ components: ['shell' as 'ready'] }, 'BUILD_COMPONENT', /^component shell cannot .*: there is no such component/],
    [
      { components: ['ready'], egress: [{ host: 'a.b', port: 1 }] },
      'BUILD_COMPONENT',
      /^component network must be listed/,
    ],
    [
      { components: ['ready'], operators: { v: 1, rootKey: null, threshold: 1, operators: [operator] } },
      'BUILD_COMPONENT',
      /^component control must be listed when there are operators/,
    ],
    [{ init: 'plain', components: ['ready'] }, 'BUILD_COMPONENT', /^components must be empty with init: plain/],
    [
      { init: 'plain', egress: [{ host: 'a.b', port: 1 }] },
      'BUILD_SETTING',
      /^image.init must be caisson where there is egress/,
    ],
    [
      { ingress: [{ vsockPort: 5000, targetPort: 1 }] },
      'BUILD_SETTING',
      /^vsock port 5000 is wanted by the health port and by ingress\[0\]$/,
    ],
    [{ init: 'plain', initYaml: 'log_dir: /x' }, 'BUILD_SETTING', /where there is init_file/],
    [{ config: { ...config, environment: ['LD_PRELOAD'] } }, 'MEASURED_FORM', /LD_PRELOAD/],
    [{ config: { ...config, schema: { $ref: '#' } } }, 'CONFIG_SCHEMA', /\$ref/],
    [{ lastWords: 'sealed' }, 'MEASURED_FORM', /lastWordsKey/],
    [{ initYaml: 'log_dirr: /x' }, 'SERVICE_FAULTS', /init.yaml:1:1: unknown key log_dirr \(did you mean log_dir\?\)/],
    [{ services: { 'a.service': 'ExecStat = "/x"' } }, 'SERVICE_FAULTS', /service\/a.service/],
    [{ cmdline: 'a\nb' }, 'EIF_SECTION', /command line must be printable ASCII/],
  ];
  for (const [settings, code, message] of table) {
    await assert.rejects(build({ ...(settings && { settings }) }), { code, message }, JSON.stringify(settings));
  }
  assert.deepEqual(readdirSync(scene.folder).sort(), ['parts', 'source'], 'a refused build leaves nothing');
});

test('refuses a package.json that is none, and a main that is no file of the source', async () => {
  for (const [text, message] of [
    ['{', /package.json must be JSON/],
    ['{"main":5}', /main of package.json must be the path of a file/],
    ['{"main":"../x.js"}', /main of package.json must be a file of the source, got "..\/x.js"/],
  ] as const) {
    scene.write({ 'package.json': text });
    await assert.rejects(build(), { code: 'BUILD_COMMAND', message });
  }
});

test('a build that fails half-way leaves what was there, and nothing else', async () => {
  scene.write({ ...app, data: 'x'.repeat(100) });
  const plan = scene.plan();
  writeFileSync(join(scene.folder, 'source/data'), 'shorter');
  writeFileSync(output, 'an older image');
  await assert.rejects(buildImage(plan, output), { code: 'TREE_CHANGED' });
  assert.equal(readFileSync(output, 'utf8'), 'an older image');
  assert.deepEqual(readdirSync(scene.folder).sort(), ['app.eif', 'parts', 'source']);
  const stop = AbortSignal.abort('SIGINT');
  await assert.rejects(buildImage(scene.plan(), output, { signal: stop }), (reason) => reason === 'SIGINT');
  assert.deepEqual(readdirSync(scene.folder).sort(), ['app.eif', 'parts', 'source']);
});

test('an input that is another when it is written than when it was opened fails the build', async () => {
  scene.write(app);
  const plan = scene.plan();
  const other = '0'.repeat(96);
  const wrong = (part: 'init' | 'launcher' | 'addon' | 'enclave') => ({
    ...plan,
    toolchain: { ...plan.toolchain, [part]: { ...plan.toolchain[part], sha384: other } },
  });
  for (const [name, changed] of [
    ['kernel', { ...plan, kernel: { ...plan.kernel, sha384: other } }],
    ['init', wrong('init')],
    ['launcher', wrong('launcher')],
    ['addon', wrong('addon')],
    ['enclave', wrong('enclave')],
  ] as const) {
    const message = new RegExp(`^input ${name} must not change while an image is built: opened as sha384 0{96}`);
    await assert.rejects(buildImage(changed, output), { code: 'BUILD_INPUT', message });
  }
  assert.deepEqual(readdirSync(scene.folder).sort(), ['parts', 'source']);
});

test('the health port makes room for a service that answers on it itself', async () => {
  scene.write({ ...app, 'service/app.service': 'ReadyAction = "vsock:5000"\n' });
  await build({ settings: { ingress: [{ vsockPort: 5001, targetPort: 80 }] } });
  const text = (await listed()).get('1 rootfs/etc/caisson/image.json')?.text ?? '';
  assert.equal(parseMeasuredImage(Buffer.from(text)).healthPort, 5002);
  assert.match(warnings.join(), /the health port is 5002: a service answers on 5000 itself/);
});

test('what a killed build left is gone after the next one', async () => {
  scene.write(app);
  const { pid } = spawnSync('true');
  writeFileSync(join(scene.folder, `.caisson-${pid}-0123456789abcdef`), 'half an image');
  await build();
  const names = ['app.eif', 'app.eif.cdx.json', 'app.eif.json', 'parts', 'source'];
  assert.deepEqual(readdirSync(scene.folder).sort(), names);
});

const noCpio = spawnSync('cpio', ['--version']).status !== 0 && 'there is no cpio (bench/setup installs it)';

test('cpio lists the entries of our ramdisks as the manifest does', { skip: noCpio }, async () => {
  scene.write(app);
  symlinkSync('main.js', join(scene.folder, 'source/link'));
  const { manifest } = await build();
  const bytes = readFileSync(output);
  let at = 548;
  const sections = manifest.sections.map(({ kind, size }) => {
    const data = bytes.subarray(at + 12, at + 12 + size);
    at += 12 + size;
    return { kind, data };
  });
  for (const [ramdisk, { data }] of sections.filter(({ kind }) => kind === 'ramdisk').entries()) {
    const words = ['-it', '--quiet', '-v', '--numeric-uid-gid'];
    const { status, stdout, stderr } = spawnSync('cpio', words, {
      input: data,
      encoding: 'utf8',
      env: { TZ: 'UTC', PATH: process.env['PATH'] },
    });
    assert.deepEqual([status, stderr], [0, '']);
    const own = manifest.files.filter((file) => file.ramdisk === ramdisk);
    assert.deepEqual(
      stdout
        .trim()
        .split('\n')
        .map((line) => line.split(/\s+/).slice(8).join(' ')),
      own.map(({ path, target }) => (target === undefined ? path : `${path} -> ${target}`)).sort(),
    );
    assert.ok(
      stdout.split('\n').every((line) => line === '' || /\s0\s+0\s+\d+\s+Jan\s+1\s+1970\s/.test(line)),
      stdout,
    );
  }
});

test('an output that cannot be written is named, before anything was', async () => {
  scene.write(app);
  await assert.rejects(buildImage(scene.plan(), join(scene.folder, 'none/app.eif')), {
    code: 'BUILD_OUTPUT',
    hint: /mkdir -p/,
  });
  mkdirSync(join(scene.folder, 'app.eif.cdx.json'));
  await assert.rejects(build(), { code: 'BUILD_OUTPUT', message: /app.eif.cdx.json: it is there and no file/ });
  assert.deepEqual(readdirSync(scene.folder).sort(), ['app.eif.cdx.json', 'parts', 'source']);
});

test('a signature is made for the PCR0 that was measured, and changes no measurement', async () => {
  scene.write(app);
  const { manifest } = await build();
  let asked: Uint8Array | undefined;
  const sign = async (pcr0: Uint8Array): Promise<Uint8Array> => {
    asked = pcr0;
    return Buffer.from('no signature that anyone could check, of any length');
  };
  const signed = await buildImage(scene.plan(), output, { signature: { sign, pcr8: '8'.repeat(96) } });
  assert.equal(toHex(asked!), manifest.measurements.PCR0);
  assert.deepEqual(signed.manifest.measurements, { ...manifest.measurements, PCR8: '8'.repeat(96) });
  assert.equal(signed.manifest.sections.at(-1)?.kind, 'signature');
  const file = await openImageFile(output);
  const eif = await readEif(file, () => createHash('sha384'));
  await file.close();
  assert.equal(Buffer.from(eif.signature!).toString(), 'no signature that anyone could check, of any length');
  await assert.rejects(
    buildImage(scene.plan(), join(scene.folder, 'b.eif'), {
      signature: { sign: () => Promise.reject(new Error('no key')), pcr8: '' },
    }),
    /no key/,
  );
  assert.ok(!existsSync(join(scene.folder, 'b.eif')), 'a failed signature is a failed build');
});

test('the SBOM names inputs, packages that the source names itself, and every file by its hash', async () => {
  linkSync(scene.kernelPath, join(scene.folder, 'source/also'));
  scene.write({
    ...app,
    'node_modules/@a/b/package.json': '{"name":"@a/b","version":"1.0.0"}',
    'node_modules/bad/package.json': '{',
  });
  const { sbomPath, manifest } = await build();
  const sbom = JSON.parse(readFileSync(sbomPath, 'utf8')) as {
    specVersion: string;
    serialNumber: string;
    components: { type: string; name: string; purl?: string }[];
  };
  assert.equal(sbom.specVersion, '1.6');
  assert.match(sbom.serialNumber, /^urn:uuid:[0-9a-f]{8}-[0-9a-f]{4}-8[0-9a-f]{3}-[89ab][0-9a-f]{3}-[0-9a-f]{12}$/);
  assert.deepEqual(
    sbom.components.flatMap(({ purl }) => purl ?? []),
    ['pkg:npm/%40a/b@1.0.0'],
  );
  const files = manifest.files.filter(({ kind }) => kind === 'file').length;
  assert.equal(sbom.components.filter(({ type }) => type === 'file').length, files + 4, 'and four parts of Caisson');
});

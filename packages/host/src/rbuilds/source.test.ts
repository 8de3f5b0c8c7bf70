// What an rbuilds image is made of: Dockerfiles by themselves and by made-up engines, /apps, ways in and out, kernels.
import assert from 'node:assert/strict';
import { chmodSync, existsSync, mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { afterEach, beforeEach, test } from 'node:test';
import { createTestImage, dockerArchive, layer, layoutArchive } from '@caisson/testkit/oci';
import { ENCLAVE_NAMES } from '../build/root-tree.ts';
import type { OpenedSource, TreeEntry } from '../tree/index.ts';
import { addApps } from './apps-tree.ts';
import { builtVersion, findKernel, requireBuildable } from './choose-kernel.ts';
import { chooseWays, exposedPorts } from './network.ts';
import { findDockerfile, openDockerfile, withoutBareShell } from './open-dockerfile.ts';
import { DEFAULT_RBUILDS_SETTINGS } from './settings.ts';
import type { RbuildsWorld } from './world.ts';

let folder: string;
let said: string[];
const at = (path: string): string => join(folder, path);

function put(path: string, content: string | Buffer, mode = 0o644): void {
  mkdirSync(dirname(at(path)), { recursive: true });
  writeFileSync(at(path), content);
  chmodSync(at(path), mode);
}

beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'caisson-rbuilds-'));
  said = [];
  mkdirSync(at('bin'));
  const config = { Entrypoint: ['/bin/run'] };
  const image = createTestImage([layer({ path: 'bin/run', kind: 'file', mode: 0o755, content: Buffer.from('x') })], {
    config,
  });
  put('docker.tar', dockerArchive({ 'name:1': image }));
  put('oci.tar', layoutArchive({ '': image }));
});
afterEach(() => rmSync(folder, { recursive: true }));

function world(): RbuildsWorld {
  return {
    folder,
    env: { PATH: `${at('bin')}:/usr/bin:/bin` },
    stop: new AbortController().signal,
    builderVersion: '1',
    say: (line) => void said.push(line),
    ask: async () => false,
  };
}

/** Its first word decides; what is to be written is the last word that names a file in a temporary folder. */
function engine(name: string, cases: Readonly<Record<string, string>>): void {
  const body = Object.entries(cases).map(([word, script]) => `  ${word}) ${script} ;;`);
  put(
    `bin/${name}`,
    `#!/bin/sh\necho "${name} $*" >> "${at('calls')}"\ncase "$1" in\n${body.join('\n')}\nesac\n`,
    0o755,
  );
}

const calls = (): string[] => (existsSync(at('calls')) ? readFileSync(at('calls'), 'utf8').trim().split('\n') : []);
const heavy = 'FROM alpine\nRUN true\n';

async function open(text: string): Promise<OpenedSource> {
  put('x.dockerfile', text);
  return await openDockerfile(findDockerfile('x.dockerfile', folder), 'x86_64', ['eif'], world());
}

test('a plain Dockerfile is carried out with no engine asked, and what the build itself writes is no part of its context', async () => {
  engine('docker', { version: 'exit 0' });
  put('eif/old.eif', 'an image');
  put('app/main', 'x', 0o755);
  const source = await open('FROM scratch\nCOPY . /all/\nCMD ["/all/app/main"]\n');
  assert.ok(source.tree.has('all/app/main'));
  assert.ok(![...source.tree.keys()].some((path) => path.startsWith('all/eif')));
  assert.deepEqual(source.config?.cmd, ['/all/app/main']);
  assert.deepEqual(calls(), []);
});

test('one with RUN goes to the first engine that works, which is not the first that is there', async () => {
  engine('docker', { version: 'echo no daemon >&2; exit 1' });
  engine('podman', {
    info: 'exit 0',
    build: 'exit 0',
    save: `while [ $# -gt 0 ]; do [ "$1" = --output ] && cp "${at('oci.tar')}" "$2"; shift; done`,
    rmi: 'exit 0',
  });
  const source = await open(heavy);
  try {
    assert.ok(source.tree.has('bin/run'));
    assert.deepEqual(source.config?.entrypoint, ['/bin/run']);
  } finally {
    await source.close();
  }
  const [probe, asked, built, saved, removed] = calls();
  assert.equal(probe, 'docker version --format {{.Server.Version}}');
  assert.equal(asked, 'podman info');
  const [, tag = ''] = /--tag (caisson-rbuilds-[0-9a-f]{16}) /.exec(built ?? '') ?? [];
  assert.ok(built?.startsWith(`podman build --file ${at('x.dockerfile')} --tag ${tag} ${folder}`), built);
  assert.match(saved ?? '', /^podman save --format oci-archive --output \S+image\.tar caisson-rbuilds-/);
  assert.equal(removed, `podman rmi ${tag}`, 'its own image only');
  assert.equal(existsSync(/--output (\S+)/.exec(saved!)![1]!), false, 'the archive is gone when the source is closed');
});

test('docker, buildah and buildctl each hand over an archive in their own way', async () => {
  engine('docker', {
    version: 'exit 0',
    build: 'exit 0',
    save: `while [ $# -gt 0 ]; do [ "$1" = --output ] && cp "${at('docker.tar')}" "$2"; shift; done`,
    rmi: 'exit 0',
  });
  const table: readonly (readonly [name: string, remove: string[]])[] = [
    ['docker', []],
    ['buildah', ['docker']],
    ['buildctl', ['docker', 'buildah']],
  ];
  engine('buildah', {
    info: 'exit 0',
    build: 'exit 0',
    push: `cp "${at('oci.tar')}" "\${3#oci-archive:}"`,
    rmi: 'exit 0',
  });
  engine('buildctl', {
    debug: 'exit 0',
    build: `for word; do case "$word" in type=oci,dest=*) cp "${at('oci.tar')}" "\${word#type=oci,dest=}" ;; esac; done`,
  });
  for (const [name, remove] of table) {
    for (const other of remove) rmSync(at(`bin/${other}`), { force: true });
    // One of the machine's own must not be the one that answers.
    if (name !== 'docker') engine('docker', { version: 'exit 1' });
    if (name === 'buildctl') for (const other of ['buildah', 'podman']) engine(other, { info: 'exit 1' });
    const source = await open(heavy);
    assert.ok(source.tree.has('bin/run'), name);
    await source.close();
    assert.ok(said.includes(`building ${at('x.dockerfile')} with ${name}`), name);
  }
});

test('without an engine that works the reason of each is told, and an engine that fails is not followed by the next', async () => {
  for (const name of ['docker', 'buildah', 'podman', 'buildctl']) engine(name, { '*': `echo no ${name} >&2; exit 1` });
  await assert.rejects(open(heavy), {
    code: 'RBUILDS_ENGINE',
    message:
      /RUN needs a container engine.*none works: docker .*no docker; buildah .*no buildah; podman .*; buildctl .*no buildctl$/,
  });
  rmSync(at('calls'));
  engine('docker', { version: 'exit 0', build: 'echo step 2 failed >&2; exit 9', rmi: 'exit 1' });
  await assert.rejects(open(heavy), {
    code: 'RBUILDS_PROGRAM',
    message: /docker build .* ended with 9: step 2 failed$/,
  });
  assert.deepEqual(
    calls().map((line) => line.split(' ').slice(0, 2).join(' ')),
    ['docker version', 'docker build', 'docker rmi'],
  );
});

test('a Dockerfile that is named must be there; the default need not be', () => {
  assert.equal(findDockerfile(null, folder), null);
  put('pipeline-al2023.dockerfile', 'FROM scratch\n');
  assert.equal(findDockerfile(null, folder)?.path, at('pipeline-al2023.dockerfile'));
  assert.throws(() => findDockerfile('none', folder), { code: 'RBUILDS_OPTION' });
});

test('a shell without words is no command for an enclave; a shell with a script is one', () => {
  const source = (entrypoint: string[] | null, cmd: string[] | null): OpenedSource => ({
    kind: 'oci',
    tree: new Map(),
    inputs: [],
    close: async () => {},
    config: { entrypoint, cmd, env: [], workingDir: null, user: null, architecture: null },
  });
  const say = (line: string): void => void said.push(line);
  for (const words of [['/bin/bash'], ['sh'], ['/bin/sh', '-l']]) {
    assert.equal(withoutBareShell(source(null, words), say).config?.cmd, null, words.join(' '));
  }
  assert.equal(said.length, 3);
  for (const words of [['/bin/sh', '-c', 'x'], ['/bin/run'], []]) {
    assert.deepEqual(withoutBareShell(source(words, null), say).config?.entrypoint, words);
  }
});

test('/apps has the names, the config and the logs; what the source has there stays, but never in a place of ours', () => {
  const file = (text: string): TreeEntry => ({
    kind: 'file',
    mode: 0o755,
    uid: 0,
    gid: 0,
    origin: 'x',
    content: {
      size: text.length,
      open: async function* () {
        yield Buffer.from(text);
      },
    },
  });
  const tree = addApps(new Map([['apps/mine', file('x')]]), 'log_dir: /apps/.logs\n');
  assert.deepEqual(
    [...tree.keys()].sort(),
    [
      ...['apps', 'apps/.config', 'apps/.config/init.yaml', 'apps/.logs'],
      ...ENCLAVE_NAMES.map((name) => `apps/${name}`),
      'apps/mine',
    ].sort(),
  );
  const initctl = tree.get('apps/initctl');
  assert.equal(initctl?.kind === 'symlink' && initctl.target, '../usr/lib/caisson/caisson-launcher');
  const linked = addApps(new Map(), null).get('apps/.config/init.yaml');
  assert.equal(linked?.kind === 'symlink' && linked.target, '../../etc/init.yaml');
  for (const path of ['apps', 'apps/.logs', 'apps/initctl', 'apps/.config/init.yaml']) {
    assert.throws(() => addApps(new Map([[path, file('')]]), ''), { code: 'RBUILDS_APPS' }, path);
  }
});

test('--network lets listed ways through both ways, --rev-net those in, and --fw-net fails with the reason', () => {
  const listed = { ingress: [{ vsockPort: 1, targetPort: 1 }], egress: [{ host: 'a', port: 443 }] };
  const exposed = exposedPorts('FROM scratch\nEXPOSE 80 443/tcp\nEXPOSE 80\n');
  assert.deepEqual(
    exposed.map(({ vsockPort }) => vsockPort),
    [80, 443],
  );
  const say = (line: string): void => void said.push(line);
  const choose = (change: object, ways: Partial<typeof listed> = listed) =>
    chooseWays({ ...DEFAULT_RBUILDS_SETTINGS, ...change }, { ingress: [], egress: [], ...ways }, exposed, say);
  assert.deepEqual(choose({ network: true }), listed);
  assert.deepEqual(choose({ reverseNetwork: true }), { ...listed, egress: [] });
  assert.deepEqual(choose({ reverseNetwork: true }, {}).ingress, exposed, 'EXPOSE where caisson.yaml lists none');
  said = [];
  assert.deepEqual(choose({}), { ingress: [], egress: [] });
  assert.equal(said.length, 2, 'what is left out is said');
  assert.throws(() => choose({ network: true, forwardNetwork: true }), {
    code: 'RBUILDS_NETWORK',
    message: /not built yet/,
  });
  assert.throws(
    () => chooseWays({ ...DEFAULT_RBUILDS_SETTINGS, network: true }, { ingress: [], egress: [] }, [], say),
    {
      code: 'RBUILDS_NETWORK',
    },
  );
  for (const word of ['53/udp', '0', '65536', '8000-8010', '$PORT']) {
    assert.throws(
      () => exposedPorts(`FROM scratch\nEXPOSE ${word}\n`),
      { code: 'RBUILDS_NETWORK', message: /line 2/ },
      word,
    );
  }
});

test('a kernel is a file, a name, or a version that its manifest holds; a version without a known source is not built', () => {
  const env = { CAISSON_CACHE: at('cache'), NITRO_CLI_BLOBS: at('blobs') };
  const find = (kernel: string | null, network = false) =>
    findKernel({ ...DEFAULT_RBUILDS_SETTINGS, kernel, network }, 'x86_64', env);
  assert.equal(find(null), undefined);
  put('blobs/bzImage', 'aws');
  assert.deepEqual(find(null), { kernel: 'aws', path: at('blobs/bzImage'), version: '' });
  put('cache/kernel/minimal/bzImage', 'ours');
  put('cache/kernel/minimal/manifest.json', '{"kernel":"6.12.95"}');
  const minimal = { kernel: 'caisson', path: at('cache/kernel/minimal/bzImage'), version: '6.12.95' };
  assert.deepEqual(find(null), minimal);
  assert.deepEqual(find('6.12'), minimal);
  assert.deepEqual(find('6.12.95', true), minimal, 'the plain one, where there is none with a network');
  assert.equal(find('6.12.9'), undefined);
  assert.equal(find('6.14.5'), undefined);
  put('cache/kernel/network/bzImage', 'ours');
  assert.equal(find(null, true)?.kernel, 'file');
  assert.equal(find('aws')?.kernel, 'aws');
  put('bzImage', 'x');
  assert.deepEqual(find(at('bzImage')), { kernel: 'file', path: at('bzImage'), version: '' });
  assert.throws(() => find(at('none')), { code: 'KERNEL_NAME' });
  for (const asked of [null, 'caisson', builtVersion(), builtVersion().replace(/\.\d+$/, '')]) requireBuildable(asked);
  assert.throws(() => requireBuildable('6.14.5'), {
    code: 'RBUILDS_KERNEL',
    message: /only the source of 6\.12\.\d+ is known/,
  });
});

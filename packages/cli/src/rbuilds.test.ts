// rbuilds from the command line: by --cmd, in a pipe, at a terminal, and one real image of a kernel of some words.
import assert from 'node:assert/strict';
import { execFile } from 'node:child_process';
import {
  existsSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  rmSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { PassThrough } from 'node:stream';
import { after, before, beforeEach, test } from 'node:test';
import { promisify } from 'node:util';
import type { Stage, StageName, Stages } from '@caisson/host/rbuilds';
import { layer } from '@caisson/testkit/oci';
import { type Heard, hear } from '@caisson/testkit/program';
import { type RbuildsPlace, runRbuilds } from './rbuilds-session.ts';
import { run } from './run.ts';

const root = join(import.meta.dirname, '../../..');
const name = 'app-builder-secure-enclaves-framework.eif';
let folder: string;
const at = (path: string): string => join(folder, path);

before(() => {
  folder = mkdtempSync(join(tmpdir(), 'caisson-rbuilds-'));
  writeFileSync(at('bzImage'), 'a kernel of few words');
  const machine = process.arch === 'arm64' ? 'aarch64' : 'x86_64';
  const loader = machine === 'aarch64' ? 'ld-linux-aarch64.so.1' : 'ld-linux-x86-64.so.2';
  const text = (path: string, body: string) => ({
    path,
    kind: 'file' as const,
    mode: 0o755,
    content: Buffer.from(body),
  });
  writeFileSync(
    at('runtime.tar'),
    layer(
      text('runtime.json', JSON.stringify({ v: 1, node: '24.0.0', architecture: machine })),
      text('runtime/bin/node', 'node'),
      text(`runtime/lib/${loader}`, 'loader'),
    ),
  );
});
after(() => rmSync(folder, { recursive: true }));
beforeEach(() => {
  rmSync(at('place'), { recursive: true, force: true });
  mkdirSync(at('place'));
});

/** `stdin` null: it stays open. */
async function rbuilds(
  words: readonly string[],
  stdin: string | null = '',
  { env = {}, ...place }: RbuildsPlace & { readonly env?: Record<string, string> } = {},
): Promise<Heard> {
  return await hear((line, surroundings) => runRbuilds(line, surroundings, { folder: at('place'), ...place }), words, {
    name: 'rbuilds',
    env: { PATH: process.env['PATH'], CAISSON_CACHE: at('cache'), XDG_CONFIG_HOME: at('own'), ...env },
    stdin: stdin ?? new PassThrough(),
  });
}

function fakes(fails?: StageName): { stages: Stages; ran: StageName[] } {
  const ran: StageName[] = [];
  const stage =
    (one: StageName): Stage =>
    async () => {
      ran.push(one);
      if (one === fails) throw new Error(`no ${one}`);
    };
  const stages: Stages = {
    nitro: stage('nitro'),
    kernel: stage('kernel'),
    apps: stage('apps'),
    init: stage('init'),
    eif: stage('eif'),
    clear: stage('clear'),
  };
  return { stages, ran };
}

test('commands of a pipe run in order until it ends, or until exit', async () => {
  const { stages, ran } = fakes();
  const piped = await rbuilds([], 'make init\r\n\nnetwork\nmake_eif', { stages });
  assert.deepEqual([piped.code, ran, piped.err], [0, ['init', 'eif'], '']);
  assert.match(piped.out, /^make_init\nmake_init: done\nnetwork: on\nmake_eif\n/, 'and no prompt');
  const shell = await rbuilds(['--lsh'], 'printf "%s" one\r\n', fakes());
  assert.deepEqual([shell.code, shell.out], [0, 'one\n'], 'a line of another system ends where it ends');
  const left = fakes();
  assert.equal((await rbuilds([], 'make_init\nexit\nmake_eif\n', left)).code, 0);
  assert.deepEqual(left.ran, ['init']);
});

test('the first command of a pipe that fails ends it with 1, with the stage named', async () => {
  const { stages, ran } = fakes('apps');
  const { code, err } = await rbuilds([], 'make all\nmake_clear\n', { stages });
  assert.deepEqual(
    [code, ran, err],
    [
      1,
      ['kernel', 'apps'],
      'rbuilds: make_apps failed: no apps\n  hint: eif/make_build.log has all that was said; the message names the stage and its reason\n',
    ],
  );
  const unknown = await rbuilds([], 'bogus\nmake_init\n', fakes());
  assert.equal(unknown.code, 1);
  assert.match(unknown.err, /^rbuilds: there is no command "bogus"\n {2}hint: help lists the commands\n$/);
});

test('answers to questions are the next lines of the same input', async () => {
  const { stages, ran } = fakes();
  const { code, out } = await rbuilds(['-q'], 'make all\ny\nn\nyes\n', { stages });
  assert.deepEqual([code, ran], [0, ['kernel', 'init']], 'and no answer is a no');
  assert.match(out, /run make_kernel\? \[y\/N\] /);
});

test('--cmd runs each of its commands with the options before it and never reads the input', async () => {
  const { stages, ran } = fakes();
  const { code } = await rbuilds(['-c', 'make_kernel', '--cmd', 'make eif'], null, { stages });
  assert.deepEqual([code, ran], [0, ['kernel', 'eif']]);
  const failed = fakes('kernel');
  assert.equal((await rbuilds(['-c', 'make_kernel', '-c', 'make_eif'], null, failed)).code, 1);
  assert.deepEqual(failed.ran, ['kernel']);
  const run = await rbuilds(['--cmd', 'run_eif_image'], null, { ...fakes(), env: { CAISSON_STATE: at('no state') } });
  assert.equal(run.code, 1);
  assert.match(
    run.err,
    /run_eif_image failed: --eif-path .*framework\.eif must be an image file, got ENOENT\n {2}hint: /,
  );
});

test('with --tty lines and answers come from the terminal, an error leaves the prompt, and tty gives the input back', async () => {
  const terminal = { input: new PassThrough(), output: new PassThrough() };
  const { stages, ran } = fakes('init');
  terminal.input.write('make_init\nmake_kernel\ntty\n');
  const { code, out, err } = await rbuilds(['--tty'], 'make_clear\n', { stages, openTerminal: () => terminal });
  assert.deepEqual([code, ran], [0, ['init', 'kernel', 'clear']]);
  assert.match(
    String(terminal.output.read()),
    /\S+@\S+:.*place \$> make_init\n.* \$> make_kernel\nmake_kernel: done\n/s,
  );
  assert.match(out, /^terminal: off\nmake_clear\n/);
  assert.match(err, /make_init failed: no init/);
});

test('a terminal that cannot be opened is told once, and the toggle is off again', async () => {
  const { stages, ran } = fakes();
  const openTerminal = () => {
    throw new Error('no terminal');
  };
  const { code, err } = await rbuilds([], 'tty\nmake_init\n', { stages, openTerminal });
  assert.deepEqual([code, ran, err], [1, [], 'rbuilds: no terminal\n']);
});

test('a signal ends a run that waits for its next line, with the signal’s code', async () => {
  const stop = new AbortController();
  const streams = { stdin: new PassThrough(), stdout: new PassThrough(), stderr: new PassThrough() };
  const ended = runRbuilds([], { ...streams, env: {}, name: 'rbuilds', stop: stop.signal, onReload: () => {} });
  streams.stdin.write('help\n');
  for await (const text of streams.stdout) if (String(text).includes('exit')) break;
  stop.abort('SIGTERM');
  assert.equal(await ended, 143);
});

test('a wrong command line ends with 2, and help and version with 0, under the name rbuilds', async () => {
  const words = (...line: readonly string[]) => hear(run, line, { name: 'rbuilds' });
  for (const line of [['--bogus'], ['--memory', 'x'], ['make_all'], ['--cmd', 'info', '-n']]) {
    const { code, err } = await words(...line);
    assert.equal(code, 2, line.join(' '));
    assert.match(err, /^rbuilds: /);
  }
  for (const line of [['--help'], ['-h'], ['-?'], ['-??'], ['-???'], ['--man'], ['--info']]) {
    const { code, out } = await words(...line);
    assert.equal(code, 0, line.join(' '));
    assert.ok(out.length > 100, line.join(' '));
  }
  assert.match((await words('--version')).out, /^\d+\.\d+\.\d+\n$/);
});

const parts = ['caisson-init', 'caisson-launcher', 'caisson.node'].map((part) =>
  join(root, `packages/sys/build/linux-${process.arch}`, part),
);
const missing = [...parts, join(root, 'dist/caisson-enclave.mjs')].find((path) => !existsSync(path));
const skip = missing !== undefined && `no ${missing} (npm run build, with a C compiler)`;

test('make_eif leaves the image, its measurements, its description and its log under the known names; make_clear takes them away', {
  skip,
}, async () => {
  mkdirSync(at('place/app'));
  writeFileSync(at('place/app/serve'), '#!/bin/sh\n', { mode: 0o755 });
  writeFileSync(at('place/app/sh'), 'a shell', { mode: 0o755 });
  const lines = ['FROM scratch', 'COPY app/sh /bin/', 'COPY --chmod=755 app /srv', 'EXPOSE 8080', 'CMD ["/srv/serve"]'];
  writeFileSync(at('place/x.dockerfile'), `${lines.join('\n')}\n`);
  const options = ['--kernel', at('bzImage'), '--runtime', at('runtime.tar'), '--rev-net', '--init-go', 'x.dockerfile'];
  const built = await rbuilds([...options, '--cmd', 'make_eif']);
  assert.equal(built.code, 0, built.err);
  assert.match(built.out, /--init-go: the image gets our PID 1, which is C/);
  const beside = ['', '.cdx.json', '.desc', '.json', '.pcr'].map((end) => `${name}${end}`);
  assert.deepEqual(readdirSync(at('place/eif')).sort(), [...beside, 'make_build.log']);
  const json = (end: string) => JSON.parse(readFileSync(at(`place/eif/${name}${end}`), 'utf8'));
  const manifest = json('.json');
  assert.deepEqual(json('.pcr'), { HashAlgorithm: 'Sha384 { ... }', ...manifest.measurements });
  assert.deepEqual(json('.desc').Measurements.PCR0, manifest.measurements.PCR0);
  assert.equal(json('.desc').ImageName, 'app-builder-secure-enclaves-framework');
  assert.deepEqual(manifest.command, ['/srv/serve']);
  // Nobody wrote a caisson.yaml: the key of this machine commands it, and it is no image for production.
  assert.match(built.out, /new operator key .*own\/caisson\/operators\/dev\.key\n/);
  const { profile, operators } = manifest.settings;
  assert.deepEqual([profile, operators.operators.length, operators.operators[0].verbs], ['development', 1, ['all']]);
  assert.ok(manifest.components.includes('control'));
  assert.deepEqual(manifest.settings.ingress, [{ vsockPort: 8080, targetPort: 8080 }]);
  const files = new Map<string, { kind: string; target?: string }>(
    manifest.files.map((file: { path: string; kind: string }) => [file.path, file]),
  );
  for (const path of ['.config/init.yaml', '.logs', 'initctl', 'argonaut', 'pipeline'])
    assert.ok(files.has(`rootfs/apps/${path}`), path);
  assert.match(readFileSync(at(`place/eif/${name}`)).toString('latin1'), /"logDir": ?"\/apps\/\.logs"/);
  assert.match(readFileSync(at('place/eif/make_build.log'), 'utf8'), /PCR0 [0-9a-f]{96}\n.*make_eif: done\n$/s);

  const first = readFileSync(at(`place/eif/${name}`));
  assert.equal((await rbuilds([...options, '--cmd', 'make_eif'])).code, 0);
  assert.ok(first.equals(readFileSync(at(`place/eif/${name}`))), 'the same bytes again, with the first in the folder');

  const refused = await rbuilds([...options.slice(0, -1), '--fw-net', '--cmd', 'make_eif']);
  assert.equal(refused.code, 1);
  assert.match(refused.err, /^rbuilds: make_eif failed: --fw-net cannot be had: .*\n {2}hint: list destinations/);
  assert.ok(first.equals(readFileSync(at(`place/eif/${name}`))), 'a build that fails leaves the image that was there');

  writeFileSync(at('place/eif/mine'), '');
  assert.equal((await rbuilds(['--cmd', 'make_clear'])).code, 0);
  assert.deepEqual(readdirSync(at('place/eif')), ['mine']);
});

test('ways, services and operators of caisson.yaml are those of the image', { skip }, async () => {
  writeFileSync(
    at('place/caisson.yaml'),
    'name: mine\nversion: 7\nenv: {A: b}\ningress: [8080]\negress: ["kms.eu-central-1.amazonaws.com:443"]\n',
  );
  const options = ['--kernel', at('bzImage'), '--runtime', at('runtime.tar')];
  const { code, err } = await rbuilds([...options, '-n', '--cmd', 'make_eif'], null, {
    env: { XDG_CONFIG_HOME: at('unused') },
  });
  assert.equal(code, 0, err);
  const { settings, components } = JSON.parse(readFileSync(at(`place/eif/${name}.json`), 'utf8'));
  assert.deepEqual(
    [settings.name, settings.version, settings.environment, settings.ingress.length, settings.egress.length],
    ['app-builder-secure-enclaves-framework', '7', { A: 'b' }, 1, 1],
  );
  assert.deepEqual(components, ['network', 'ready']);
  assert.deepEqual([settings.profile, settings.operators.operators], ['production', []]);
  assert.ok(!existsSync(at('unused')), 'no key is made for an image that would not have it');
});

test('without a kernel make_eif begins with make_kernel, and an image is not begun when that fails', async () => {
  // Its own Makefile could not be run in such a folder: the build refuses it before it fetches anything.
  const env = { CAISSON_CACHE: at('cache of mine'), NITRO_CLI_BLOBS: at('none') };
  const { code, out, err } = await rbuilds(['--cmd', 'make_eif'], null, { env });
  assert.equal(code, 1);
  assert.match(out, /no such kernel yet: make_kernel comes first/);
  assert.match(err, /^rbuilds: make_eif failed: folder for a kernel must have neither spaces nor colons/);
  assert.deepEqual(readdirSync(at('place/eif')), ['make_build.log']);
  const other = await rbuilds(['--kernel', '6.14.5', '--cmd', 'make_kernel'], null, { env });
  assert.match(
    other.err,
    /^rbuilds: make_kernel failed: kernel 6\.14\.5 cannot be built here: .*\n {2}hint: caisson kernel build --source/,
  );
});

const unbuilt = !existsSync(join(root, 'packages/cli/dist/rbuilds-session.js')) && 'nothing is built (npm run build)';

test('rbuilds.sh runs from any folder, through a link too', { skip: unbuilt }, async () => {
  symlinkSync(join(root, 'rbuilds/rbuilds.sh'), at('place/link'));
  for (const program of [join(root, 'rbuilds/rbuilds.sh'), at('place/link')]) {
    const { stdout } = await promisify(execFile)(program, ['--cmd', 'info'], { cwd: at('place') });
    assert.match(stdout, /^memory +\d+ MiB/);
  }
});

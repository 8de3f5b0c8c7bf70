// The built file and its build: what it needs of the machine it will run on, and what happens without a compiler.
import { deepEqual, equal, match, ok } from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import { readdirSync, readFileSync, statSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { test } from 'node:test';
import { loadAddon } from './load.ts';

const loaded = loadAddon({});
const file = loaded.addon === undefined ? '' : loaded.path;
const script = join(import.meta.dirname, '../../../scripts/addon.ts');
const hasReadelf = spawnSync('readelf', ['--version']).status === 0;
const skip = file === '' ? 'the addon is not built' : !hasReadelf && 'readelf is not installed';
const readelf = (...words: string[]): string => spawnSync('readelf', ['-W', ...words], { encoding: 'utf8' }).stdout;

function symbolsOf(path: string): { name: string; version: string | undefined; isDefined: boolean }[] {
  return readelf('--dyn-syms', path)
    .split('\n')
    .map((line) => line.trim().split(/\s+/))
    .filter((fields) => fields.length >= 8 && /^\d+:$/.test(fields[0] ?? ''))
    .map((fields) => {
      const [name = '', version] = (fields[7] ?? '').split(/@+/);
      return { name, version, isDefined: fields[6] !== 'UND' };
    });
}

test('the addon names no library and no symbol version, so it binds to the C library that node has loaded', {
  skip,
}, () => {
  equal(/NEEDED|VERNEED|RPATH|RUNPATH|TEXTREL/.test(readelf('-d', file)), false);
  deepEqual(
    symbolsOf(file).filter(({ version }) => version !== undefined),
    [],
  );
});

test('the addon exports the two entries of Node-API and nothing else', { skip }, () => {
  const defined = symbolsOf(file).filter(({ name, isDefined }) => isDefined && name !== '');
  deepEqual(defined.map(({ name }) => name).sort(), ['napi_register_module_v1', 'node_api_module_get_api_version_v1']);
});

test('everything the addon calls is in Node-API or in glibc 2.28 and older', { skip }, (context) => {
  const libraries = readFileSync('/proc/self/maps', 'utf8').match(
    /\/\S+\/(libc|libpthread|libm|libdl)(-[\d.]+)?\.so\S*/g,
  );
  if (libraries === null) return context.skip('this Node is not linked with glibc');
  const oldest = new Map<string, number>();
  for (const library of new Set(libraries)) {
    for (const { name, version } of symbolsOf(library)) {
      const [, major, minor = '0'] = /^GLIBC_(\d+)\.(\d+)/.exec(version ?? '') ?? [];
      if (major === undefined) continue;
      const number = Number(major) * 1_000 + Number(minor);
      oldest.set(name, Math.min(oldest.get(name) ?? Number.POSITIVE_INFINITY, number));
    }
  }
  const called = symbolsOf(file)
    .filter(({ name, isDefined }) => !isDefined && name !== '' && !name.startsWith('napi_'))
    .map(({ name }) => name);
  ok(called.includes('socket') && called.includes('pthread_create'), 'the list was read');
  deepEqual(
    called.filter((name) => !((oldest.get(name) ?? Number.POSITIVE_INFINITY) <= 2_028)),
    [],
  );
});

test('the stack is not executable and relocations are read-only', { skip }, () => {
  match(readelf('-l', file), /GNU_STACK\s+\S+ \S+ \S+ \S+ \S+ RW /);
  match(readelf('-l', file), /GNU_RELRO/);
  match(readelf('-d', file), /BIND_NOW/);
});

test('every C file is part of a family that the module registers', () => {
  const folder = join(import.meta.dirname, '../addon');
  const sources = readdirSync(folder).filter((name) => name.endsWith('.c'));
  const module = readFileSync(join(folder, 'module.c'), 'utf8');
  const families = new Set(sources.filter((name) => name !== 'module.c').map((name) => name.replace(/[_.].*/, '')));
  for (const family of families) match(module, new RegExp(`caisson_register_${family}\\b`));
});

test('without a compiler the build says so in one line and succeeds', () => {
  const { status, stderr, stdout } = spawnSync(process.execPath, [script], {
    encoding: 'utf8',
    env: { ...process.env, CC: '/nonexistent/cc' },
  });
  equal(status, 0);
  equal(stdout, '');
  match(stderr, /^addon: CC=\/nonexistent\/cc does not run: .*\n$/);
});

test('with no compiler on the path the build names those it looked for', () => {
  const { status, stderr } = spawnSync(process.execPath, [script], { encoding: 'utf8', env: { PATH: '/nonexistent' } });
  equal(status, 0);
  match(stderr, /^addon: no C compiler \(looked for cc, gcc, clang\): .*install gcc.*\n$/);
});

test('a build with nothing changed touches nothing', { skip: file === '' && 'the addon is not built' }, () => {
  const first = spawnSync(process.execPath, [script], { encoding: 'utf8' });
  equal(first.status, 0, first.stderr);
  const stamp = statSync(file).mtimeMs;
  const { status, stderr, stdout } = spawnSync(process.execPath, [script], { encoding: 'utf8' });
  equal(`${status}${stdout}${stderr}`, '0');
  equal(statSync(file).mtimeMs, stamp);
  deepEqual(
    readdirSync(dirname(file)).filter((name) => /^\..*\.node$/.test(name)),
    [],
  );
});

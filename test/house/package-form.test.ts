// The form of packages: one version, exact dependencies each with a reason, exports that name what exists.
import assert from 'node:assert/strict';
import { accessSync, constants, existsSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { test } from 'node:test';
import { files, read, root } from './tree.ts';

interface Manifest {
  readonly name: string;
  readonly version: string;
  readonly license: string;
  readonly engines: { readonly node: string };
  readonly scripts?: Record<string, string>;
  readonly bin?: Record<string, string>;
  readonly exports?: Record<string, string | Record<string, string>>;
  readonly dependencies?: Record<string, string>;
  readonly devDependencies?: Record<string, string>;
  readonly optionalDependencies?: Record<string, string>;
}

const manifests = files(/^(packages\/[^/]+\/)?package\.json$/).map((file) => ({
  file,
  folder: file.replace(/package\.json$/, ''),
  manifest: JSON.parse(read(file)) as Manifest,
}));
const version = manifests.find(({ file }) => file === 'package.json')?.manifest.version;

test('all packages share one version, which the program prints, and one licence', () => {
  for (const { file, manifest } of manifests) {
    assert.equal(manifest.version, version, file);
    assert.equal(manifest.license, 'Apache-2.0', file);
    assert.equal(manifest.engines.node, '>=22.18', file);
  }
  assert.match(read('packages/cli/src/version.ts'), new RegExp(`'${version}'`));
  assert.match(read('CHANGELOG.md'), new RegExp(`\\[${version}\\]|Unreleased`));
});

test('dependencies are exact, and every third party has its reason in docs/dependencies.md', () => {
  const reasons = read('docs/dependencies.md');
  for (const { file, manifest } of manifests) {
    const all = { ...manifest.dependencies, ...manifest.devDependencies, ...manifest.optionalDependencies };
    for (const [name, wanted] of Object.entries(all)) {
      assert.match(wanted, /^\d+\.\d+\.\d+$/, `${file}: ${name} must be exact`);
      if (name.startsWith('@caisson/')) assert.equal(wanted, version, `${file}: ${name}`);
      else assert.ok(reasons.includes(`\`${name}\``), `docs/dependencies.md has no reason for ${name}`);
    }
  }
});

test('no package runs a script when it is installed', () => {
  for (const { file, manifest } of manifests) {
    const scripts = Object.keys(manifest.scripts ?? {}).filter((name) => /^(pre|post)?install$|^prepare/.test(name));
    assert.deepEqual(scripts, [], file);
  }
});

test('exports give types, source and JavaScript for each subpath, without wildcards, and each source exists', () => {
  for (const { file, folder, manifest } of manifests) {
    for (const [subpath, target] of Object.entries(manifest.exports ?? {})) {
      if (subpath === './package.json') continue;
      assert.ok(!subpath.includes('*'), `${file}: ${subpath}`);
      assert.ok(typeof target === 'object', `${file}: ${subpath}`);
      assert.deepEqual(Object.keys(target), ['types', 'caisson-source', 'default'], `${file}: ${subpath}`);
      const source = target['caisson-source'] ?? '';
      assert.ok(existsSync(join(root, folder, source)), `${file}: ${subpath} names ${source}, which does not exist`);
      const stem = source.replace('./src/', './dist/').replace(/\.ts$/, '');
      assert.equal(target['types'], `${stem}.d.ts`, `${file}: ${subpath}`);
      assert.equal(target['default'], `${stem}.js`, `${file}: ${subpath}`);
    }
  }
});

test('every name of the program is a checked-in executable launcher of plain JavaScript', () => {
  const { manifest } = manifests.find(({ file }) => file === 'packages/cli/package.json')!;
  const tracked = files(/^packages\/cli\/bin\//);
  for (const [name, path] of Object.entries(manifest.bin ?? {})) {
    const file = join('packages/cli', path);
    assert.ok(tracked.includes(file), `${file} must be checked in: npm links no bin whose target is missing`);
    accessSync(join(root, file), constants.X_OK);
    // Behind `env node` Node would take options of the program for its own.
    const form = new RegExp(`^#!/bin/sh\n// 2>/dev/null; exec node -- "\\$0" "\\$@"\n[^]*launch\\('${name}'\\)`);
    assert.match(readFileSync(join(root, file), 'utf8'), form);
  }
});

test('the lock file names no registry host', () => {
  const { packages } = JSON.parse(read('package-lock.json')) as { packages: Record<string, { resolved?: string }> };
  const hosts = Object.values(packages).filter(({ resolved }) => resolved?.includes('://'));
  assert.deepEqual(hosts, [], 'the registry is the reader’s own; integrity hashes say what must come from it');
});

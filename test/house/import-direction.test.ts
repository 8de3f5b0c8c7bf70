// Who may import whom. A wrong arrow is how a verifier ends up shipping a network stack, or an enclave its simulator.
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { files, importsOf, isTest, packageOf, resolved, shipped, sources } from './tree.ts';

const arrows: Readonly<Record<string, readonly string[]>> = {
  core: [],
  vrf: ['core'],
  verify: ['core'],
  sys: ['core'],
  link: ['core', 'verify', 'sys'],
  enclave: ['core', 'verify', 'vrf', 'sys', 'link'],
  host: ['core', 'verify', 'vrf', 'sys', 'link'],
  cli: ['core', 'verify', 'vrf', 'sys', 'link', 'enclave', 'host'],
  testkit: ['core', 'verify', 'vrf', 'sys', 'link', 'host', 'enclave'],
};

// Third-party code at run time, by room; each has its reason in docs/dependencies.md.
const thirdParty: Readonly<Record<string, readonly string[]>> = {
  cli: ['commander'],
  host: ['@noble/curves', 'smol-toml', 'yaml', 'zod'],
  testkit: ['fast-check'],
  vrf: ['@noble/curves'],
};

// core, vrf and verify name no node: module, because they run in a browser; the lists are what each zone may name.
const builtins: Readonly<Record<string, RegExp>> = {
  core: /^$/,
  vrf: /^$/,
  verify: /^$/,
  sys: /^node:(events|fs|module|net|os|path|process|timers|url|util|worker_threads)(\/promises)?$/,
  link: /^node:(crypto|dns|events|fs|net|path|stream|timers|tls|util)(\/promises)?$/,
  // tty: the master of a terminal is one to Node, and nothing else reads it.
  enclave: /^node:(crypto|events|fs|net|os|path|process|stream|tty|util)(\/promises)?$/,
};

const ofPackage = /^@caisson\/([a-z]+)(?:\/(.+))?$/;

/** `commander` of `commander/esm.js`, `@noble/curves` of `@noble/curves/nist.js`. */
const packageName = (to: string): string => /^(?:@[^/]+\/)?[^/]+/.exec(to)?.[0] ?? to;

test('packages import only along the arrows of the house', () => {
  const wrong = sources()
    .filter((file) => !isTest(file))
    .flatMap(importsOf)
    .filter(({ from, to }) => {
      const target = ofPackage.exec(to)?.[1];
      const own = packageOf(from) ?? '';
      return target !== undefined && target !== own && !arrows[own]?.includes(target);
    })
    .map(({ from, to }) => `${from} imports ${to}`);
  assert.deepEqual(wrong, [], 'an arrow that the house does not have; see ARCHITECTURE.md for the room it belongs to');
});

test('no import reaches into another package past its exports, and none leaves its package by a relative path', () => {
  const wrong = sources()
    .flatMap(importsOf)
    .filter((one) => one.to.startsWith('.') && packageOf(resolved(one)) !== packageOf(one.from))
    .map(({ from, to }) => `${from} imports ${to}`);
  assert.deepEqual(wrong, [], 'cross packages by subpath exports only');
});

test('link gets the kernel handed in: it takes only types from sys', () => {
  const wrong = shipped()
    .filter((file) => packageOf(file) === 'link')
    .flatMap(importsOf)
    .filter(({ to, typeOnly }) => to.startsWith('@caisson/sys') && !typeOnly);
  assert.deepEqual(wrong, []);
});

test('only tests and benches use the testkit, and the command line reaches the enclave only through main/', () => {
  const wrong = sources()
    .flatMap(importsOf)
    .filter(({ from, to }) => {
      if (to.startsWith('@caisson/testkit')) return !isTest(from) && packageOf(from) !== 'testkit';
      return packageOf(from) === 'cli' && to.startsWith('@caisson/enclave') && !to.startsWith('@caisson/enclave/main/');
    })
    .map(({ from, to }) => `${from} imports ${to}`);
  assert.deepEqual(wrong, []);
});

test('nothing imports main/ but the command line and the bundles', () => {
  const wrong = sources()
    .flatMap(importsOf)
    .filter((one) => {
      if (isTest(one.from) || /^packages\/[^/]+\/src\/main\//.test(one.from)) return false;
      if (packageOf(one.from) === 'cli') return false;
      return one.to.startsWith('.') ? resolved(one).includes('/src/main/') : one.to.includes('/main/');
    })
    .map(({ from, to }) => `${from} imports ${to}`);
  assert.deepEqual(wrong, [], 'main/ composes; what others need belongs into a room');
});

test('third-party code stands only where its reason does', () => {
  const wrong = sources()
    .filter((file) => !isTest(file))
    .flatMap(importsOf)
    .filter(({ from, to }) => {
      if (to.startsWith('.') || to.startsWith('node:') || ofPackage.test(to)) return false;
      return !thirdParty[packageOf(from) ?? '']?.includes(packageName(to));
    })
    .map(({ from, to }) => `${from} imports ${to}`);
  assert.deepEqual(wrong, [], 'enter it in docs/dependencies.md and in this list, or write it');
});

test('each zone names only the node: modules it may need', () => {
  const wrong = shipped()
    .flatMap(importsOf)
    .filter(({ from, to }) => {
      const allowed = builtins[packageOf(from) ?? ''];
      return allowed !== undefined && to.startsWith('node:') && !allowed.test(to);
    })
    .map(({ from, to }) => `${from} imports ${to}`);
  assert.deepEqual(wrong, [], 'core runs in browsers; the enclave starts no process and speaks no HTTP of its own');
});

test('client and server of a protocol never import each other', () => {
  const wrong = shipped()
    .flatMap(importsOf)
    .filter(({ from, to }) => /\/client\.ts$/.test(from) && /server\.ts$/.test(to));
  assert.deepEqual(wrong, []);
});

test('no file imports itself in a circle', () => {
  const edges = new Map<string, string[]>();
  for (const file of sources()) {
    edges.set(
      file,
      importsOf(file)
        .filter((one) => one.to.startsWith('.') && !one.typeOnly && !one.lazy)
        .map(resolved),
    );
  }
  const done = new Set<string>();
  const circles: string[] = [];
  const visit = (file: string, path: readonly string[]): void => {
    if (path.includes(file)) circles.push([...path.slice(path.indexOf(file)), file].join(' -> '));
    if (done.has(file) || path.includes(file)) return;
    for (const next of edges.get(file) ?? []) visit(next, [...path, file]);
    done.add(file);
  };
  for (const file of edges.keys()) visit(file, []);
  assert.deepEqual(circles, []);
});

test('the scripts for hardware name Node’s own modules and each other, so that they run in a packed folder', () => {
  const wrong = files(/^scripts\/hardware\/.*\.(ts|mjs)$/)
    .flatMap(importsOf)
    .filter(
      (one) =>
        !one.to.startsWith('node:') && !(one.to.startsWith('.') && resolved(one).startsWith('scripts/hardware/')),
    )
    .map(({ from, to }) => `${from} imports ${to}`);
  assert.deepEqual(wrong, []);
});

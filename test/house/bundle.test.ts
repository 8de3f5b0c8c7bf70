// What is inside an enclave is a list that a person approved: the checked-in bill of materials of each enclave bundle.
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { buildBundle, enclaveBundles } from '../../scripts/bundle.ts';
import { read } from './tree.ts';

for (const bundle of enclaveBundles) {
  const built = buildBundle(bundle, false);

  test(`${bundle.name} holds exactly the modules of its bill of materials`, async () => {
    const listed = read(`packages/enclave/bom/${bundle.name}.txt`).trim().split('\n');
    const modules = await built;
    assert.deepEqual(modules, listed, 'if that is meant: node scripts/bundle.ts --write-bom');
  });

  test(`${bundle.name} holds no third-party module and nothing of the host, the simulator or the testkit`, async () => {
    const modules = await built;
    const strangers = modules.filter((path) => !/^packages\/(core|verify|sys|link|enclave)\/src\//.test(path));
    assert.deepEqual(strangers, []);
  });
}

test('the production bundle has neither the fabric nor the hybrid transport', () => {
  const listed = read('packages/enclave/bom/caisson-enclave.txt');
  assert.doesNotMatch(listed, /fabric|hybrid|from-environment/);
});

test('the production program knows no root but its own', () => {
  const entry = (name: string): string => read(`packages/enclave/src/main/${name}.ts`);
  assert.doesNotMatch(entry('caisson-enclave'), /rootOf|CAISSON_ROOT/);
  // And what both share reads no such variable.
  const shared = read('packages/enclave/bom/caisson-enclave.txt').trim().split('\n');
  for (const path of shared) assert.doesNotMatch(read(path), /CAISSON_ROOT/, path);
  assert.match(entry('caisson-enclave-development'), /rootOf.*CAISSON_ROOT/);
});

test('no enclave bundle has the bench server: whoever could dial it could keep an enclave busy', () => {
  for (const { name } of enclaveBundles) {
    assert.doesNotMatch(read(`packages/enclave/bom/${name}.txt`), /\/bench\//, name);
  }
});

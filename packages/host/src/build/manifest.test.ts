// The manifest as it stands on disk, its page and its schema; the strict reader of somebody else's; and what a comparison of two says first.
import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { after, before, test } from 'node:test';
import { type BuildScene, createBuildScene } from '@caisson/testkit/build';
import { assertFitsSchema } from '@caisson/testkit/contract';
import fc from 'fast-check';
import { compareInputs, compareOutputs } from './compare-manifest.ts';
import { buildImage, formatManifest, type Manifest, parseManifest } from './index.ts';

/** A manifest that may be made wrong. */
interface Loose {
  v: number;
  more?: number;
  settings: { kernel: string; config: { more?: number } };
  sections: { sha384: string }[];
  files: { mode: string }[];
  inputs?: unknown;
}

let scene: BuildScene;
let manifest: Manifest;
let text: string;
before(async () => {
  scene = createBuildScene();
  scene.write({ 'package.json': '{"main":"main.js"}', 'main.js': '1' });
  manifest = (await buildImage(scene.plan(), join(scene.folder, 'app.eif'))).manifest;
  text = readFileSync(join(scene.folder, 'app.eif.json'), 'utf8');
});
after(() => scene.remove());

test('what is written is what is read, fits its schema, and names no place of this machine', () => {
  assert.equal(text, formatManifest(manifest));
  assert.deepEqual(parseManifest(text, 'm'), JSON.parse(JSON.stringify(manifest)));
  assertFitsSchema(JSON.parse(text), 'image-manifest');
  assert.ok(!text.includes(scene.folder));
  assert.equal(text.split('\n').filter((line) => line.startsWith('  {"ramdisk"')).length, manifest.files.length);
});

test('docs/wire/manifest.md shows lines of a manifest as they stand', () => {
  const page = readFileSync(new URL('../../../../docs/wire/manifest.md', import.meta.url), 'utf8');
  const [, example = ''] = /## Example[\s\S]*?```\n([\s\S]*?)\n```/.exec(page) ?? [];
  const [file = '', input = ''] = example.split('\n');
  assert.ok(text.includes(`\n  ${file}`), file);
  assert.deepEqual(JSON.parse(input), manifest.inputs[0]);
  for (const key of Object.keys(manifest)) assert.match(page, new RegExp(`\`${key}\``), key);
});

test('a manifest of another form is refused with the place, whatever was changed', () => {
  const change = (edit: (value: Loose) => void): string => {
    const value = JSON.parse(text);
    edit(value);
    return JSON.stringify(value);
  };
  const table: [text: string, message: RegExp][] = [
    ['{', /^manifest m must be JSON: /],
    ['[]', /^manifest m: the document does not fit/],
    [change((value) => (value.v = 2)), /manifest m: v does not fit/],
    [change((value) => (value.more = 1)), /Unrecognized key: "more"/],
    [change((value) => (value.settings.kernel = '/etc/passwd')), /settings.kernel does not fit/],
    [change((value) => (value.settings.config.more = 1)), /settings.config does not fit/],
    [change((value) => (value.sections[0]!.sha384 = 'x')), /sections.0.sha384 does not fit/],
    [change((value) => (value.files[0]!.mode = '9999')), /files.0.mode does not fit/],
    [change((value) => delete value.inputs), /inputs does not fit/],
  ];
  for (const [changed, message] of table) {
    assert.throws(() => parseManifest(changed, 'm'), { name: 'ParseError', code: 'BUILD_MANIFEST', message });
  }
  fc.assert(
    fc.property(fc.nat(text.length - 1), fc.nat(4), fc.string({ maxLength: 5 }), (at, cut, put) => {
      try {
        parseManifest(text.slice(0, at) + put + text.slice(at + cut), 'm');
      } catch (error) {
        assert.equal((error as { code?: string }).code, 'BUILD_MANIFEST', String(error));
      }
    }),
    { seed: 1, numRuns: 300 },
  );
});

test('two manifests are compared from what went in to what came out, each difference by its place', () => {
  const other: Manifest = {
    ...manifest,
    toolchain: 'local',
    builder: { name: 'caisson', version: '9' },
    inputs: [{ ...manifest.inputs[0]!, digest: 'sha384:other' }, ...manifest.inputs.slice(2)],
    measurements: { ...manifest.measurements, PCR2: 'x' },
    sections: [...manifest.sections, { kind: 'signature', size: 1, sha384: 'x' }],
    files: manifest.files.slice(1).map((file) => (file.path === 'cmd' ? { ...file, mode: '0600' } : file)),
  };
  const places = (list: readonly { readonly place: string }[]): string[] => list.map(({ place }) => place);
  assert.deepEqual(places(compareInputs(manifest, other)), [
    'toolchain',
    'builder.version',
    'input kernel',
    'input init',
  ]);
  assert.deepEqual(places(compareOutputs(manifest, other)), ['PCR2', 'ramdisk[0] dev', 'ramdisk[1] cmd.mode']);
  assert.deepEqual(compareInputs(manifest, manifest), []);
  assert.deepEqual(compareOutputs(manifest, manifest), []);
});

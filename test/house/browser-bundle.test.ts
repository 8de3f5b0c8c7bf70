// The verifier as a page loads it: small, and nothing in it but core and verify.
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { gzipSync } from 'node:zlib';
import { buildBrowserBundle } from '../../scripts/browser-bundle.ts';

// Given: what the specification promises.
const maxGzippedBytes = 40 * 1024;

test('the verifier is under 40 KiB gzipped for a browser', async () => {
  const { code } = await buildBrowserBundle();
  const { length } = gzipSync(code, { level: 9 });
  assert.ok(length > 1000 && length < maxGzippedBytes, `${length} bytes`);
});

test('the verifier for a browser holds modules of core and verify only, and names no module of a platform', async () => {
  const { code, modules } = await buildBrowserBundle();
  assert.deepEqual(
    modules.filter((path) => !/^packages\/(core|verify)\/src\//.test(path)),
    [],
  );
  assert.doesNotMatch(new TextDecoder().decode(code), /\bnode:|\brequire\(|\bprocess\.|\bBuffer\b/);
});

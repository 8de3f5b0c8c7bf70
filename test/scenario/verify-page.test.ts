// The verifier in a real page: Debian's chromium loads the bundle from loopback, verifies a document at its time and refuses three
// mutants of it, each for its reason.
import assert from 'node:assert/strict';
import { existsSync } from 'node:fs';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { test } from 'node:test';
import { toBase64, toHex } from '@caisson/core/bytes';
import { forgeChain, forgeDocument, testPcrs } from '@caisson/testkit/authority';
import { chromium } from 'playwright-core';
import { buildBrowserBundle } from '../../scripts/browser-bundle.ts';

const browserPath = ['/usr/bin/chromium', '/usr/bin/chromium-browser'].find((path) => existsSync(path));
const skip = browserPath === undefined && 'no chromium here (Debian: apt-get install chromium)';
const at = 1_780_000_000;

const page = `<!doctype html><meta charset="utf-8"><title>verify</title><ol id="results"></ol><script type="module">
import { verifyDocument, verifyAttestation, parsePolicy, VerificationError } from '/caisson-verify.js';
const bytes = (text) => Uint8Array.from(atob(text), (character) => character.charCodeAt(0));
const { root, at, cases, pcr0, nonce } = await (await fetch('/cases.json')).json();
for (const { document: text, pcr } of cases) {
  const item = document.createElement('li');
  try {
    const verified = await verifyDocument(bytes(text), { roots: [root], at, pcrs: { 0: pcr } });
    item.textContent = 'held ' + verified.root + ' ' + verified.moduleId;
  } catch (error) {
    item.textContent = error instanceof VerificationError ? error.class : String(error);
  }
  results.append(item);
}
const policy = parsePolicy(new TextEncoder().encode(JSON.stringify({ pcrs: { 0: pcr0 }, backend: 'sim', roots: [root] })));
const item = document.createElement('li');
try {
  const { policy: held } = await verifyAttestation(bytes(cases[0].document), { ...policy, at, nonce: bytes(nonce) });
  item.textContent = 'held within ' + held.maxAgeSeconds;
} catch (error) {
  item.textContent = String(error);
}
results.append(item);
document.title = 'done';
</script>`;

test('a page verifies a document, refuses three mutants, and answers a challenge by policy', { skip }, async () => {
  const chain = await forgeChain({ at });
  const nonce = new Uint8Array(32).fill(3);
  const good = await forgeDocument(chain, { timestamp: at * 1000, nonce });
  const flipped = Uint8Array.from(good, (byte, place) => (place === good.length - 1 ? byte ^ 1 : byte));
  const foreign = await forgeDocument(await forgeChain({ at }), { timestamp: at * 1000 });
  const pcr0 = toHex(testPcrs().get(0)!);
  const cases = [
    { document: toBase64(good), pcr: pcr0 },
    { document: toBase64(flipped), pcr: pcr0 },
    { document: toBase64(foreign), pcr: pcr0 },
    { document: toBase64(good), pcr: 'ab'.repeat(48) },
  ];
  const answers: Readonly<Record<string, readonly [type: string, body: string | Uint8Array]>> = {
    '/': ['text/html', page],
    '/caisson-verify.js': ['text/javascript', (await buildBrowserBundle()).code],
    '/cases.json': [
      'application/json',
      JSON.stringify({ root: chain.rootPem, at, cases, pcr0, nonce: toBase64(nonce) }),
    ],
  };
  const server = createServer(({ url = '' }, response) => {
    const [type, body] = answers[url] ?? [];
    if (type === undefined) response.writeHead(404).end();
    else response.writeHead(200, { 'content-type': type }).end(body);
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  const flags = ['no-sandbox', 'disable-gpu', 'disable-quic', 'no-first-run', 'disable-background-networking'];
  const browser = await chromium.launch({
    executablePath: browserPath!,
    args: [...flags, 'disable-component-update', 'disable-sync'].map((flag) => `--${flag}`),
    timeout: 300_000,
  });
  try {
    const tab = await browser.newPage();
    const faults: string[] = [];
    tab.on('pageerror', (error) => faults.push(error.message));
    await tab.goto(`http://127.0.0.1:${(server.address() as AddressInfo).port}/`);
    await tab.waitForFunction("document.title === 'done'", undefined, { timeout: 300_000 });
    assert.deepEqual(await tab.locator('#results li').allTextContents(), [
      'held custom i-0123456789abcdef0-enc0123456789abcdef',
      'SIG',
      'ROOT',
      'PCR',
      'held within 300',
    ]);
    assert.deepEqual(faults, []);
  } finally {
    await browser.close();
    server.closeAllConnections();
    await new Promise((resolve) => server.close(resolve));
  }
});

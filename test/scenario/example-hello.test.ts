// examples/hello, whole: the service in its enclave, its document, and the verifier page in a real browser.
import { deepEqual, equal, match, ok, rejects } from 'node:assert/strict';
import { existsSync, writeFileSync } from 'node:fs';
import { test } from 'node:test';
import { attest } from '@caisson/verify';
import { chromium } from 'playwright-core';
import { serveVerifier } from '../../examples/hello/verifier/serve.ts';
import { exampleSkip as skip, startExample } from './example/scene.ts';

const browserPath = ['/usr/bin/chromium', '/usr/bin/chromium-browser'].find((path) => existsSync(path));

test('hello answers, proves itself to whoever asks with a nonce, and its page turns green and red in a browser', {
  skip,
  timeout: 120_000,
}, async (context) => {
  const { url, policy } = await startExample(context, 'hello', { ports: [3000] });
  const at = url(3000);
  const page = await (await fetch(at)).text();
  match(page, /Hello from inside/);
  match(page, /network interfaces<\/dt><dd>lo<\/dd>/);
  const endpoint = `${at}/.well-known/attestation`;
  const attested = await attest(endpoint, policy);
  deepEqual(
    [attested.bound, attested.root, attested.claims?.purpose, attested.profile, attested.claims?.imageVersion],
    [false, 'custom', 'caisson-web/1', 'development', 1],
  );
  await rejects(attest(endpoint, { ...policy, pcrs: { 0: 'ab'.repeat(48) } }), { class: 'PCR' });
  equal((await fetch(`${endpoint}?nonce=ab`)).status, 400);
  equal((await fetch(`${at}/nothing`)).status, 404);
  const asked = await Promise.all(
    Array.from({ length: 30 }, () => fetch(`${endpoint}?nonce=${'ab'.repeat(16)}`).then(({ status }) => status)),
  );
  ok(asked.includes(429) && asked.includes(200), asked.join(' '));

  await context.test('the verifier page', { skip: browserPath === undefined && 'no chromium here' }, async () => {
    const verifier = await serveVerifier({ port: 0, endpoint, policy });
    const flags = ['no-sandbox', 'disable-gpu', 'no-first-run', 'disable-background-networking'];
    const browser = await chromium.launch({
      ...{ executablePath: browserPath!, args: flags.map((flag) => `--${flag}`), timeout: 60_000 },
    });
    try {
      const tab = await browser.newPage({ viewport: { width: 1000, height: 1250 } });
      const faults: string[] = [];
      tab.on('pageerror', (error) => faults.push(error.message));
      tab.on('console', (line) => line.type() === 'error' && faults.push(line.text()));
      const verdict = async (): Promise<string | null> => {
        await tab.waitForSelector('body:not([data-verdict="asking"])', { timeout: 30_000 });
        return await tab.getAttribute('body', 'data-verdict');
      };
      await tab.goto(verifier.url);
      equal(await verdict(), 'held', faults.join('\n'));
      await look(tab, 'held');
      deepEqual(await tab.locator('#pcrs tr').evaluateAll((rows) => rows.map(({ className }) => className)), [
        'held',
        'held',
        'held',
      ]);
      ok((await tab.locator('#pcrs code').first().textContent())?.includes(String(policy.pcrs[0])));
      ok(await tab.locator('#simulated').isVisible());
      match((await tab.locator('#simulated').textContent()) ?? '', /SIMULATED/);
      match((await tab.locator('#reason').textContent()) ?? '', /bound: false/);
      await tab.click('[data-action="tamper"]');
      await tab.waitForSelector('body[data-verdict="refused"]');
      match((await tab.locator('#reason').textContent()) ?? '', /somebody changed it on its way/);
      deepEqual(await tab.locator('#checks li.refused').allTextContents(), ['✗ signed']);
      await look(tab, 'tampered');
      await tab.click('[data-action="policy"]');
      await tab.waitForSelector('#pcrs tr.refused');
      deepEqual(await tab.locator('#pcrs tr').evaluateAll((rows) => rows.map(({ className }) => className)), [
        'refused',
        'held',
        'held',
      ]);
      ok(await tab.locator('#simulated').isVisible());
      await look(tab, 'policy');
      await tab.click('[data-action="ask"]');
      await tab.waitForSelector('body[data-verdict="held"]');
      await tab.goto(at);
      match((await tab.textContent('h1')) ?? '', /Hello from inside/);
      await look(tab, 'enclave');
      deepEqual(faults, []);
    } finally {
      await browser.close();
      await verifier.close();
    }
  });
});

/** For a person who wants to see it: CAISSON_SCREENSHOTS=FOLDER. */
async function look(tab: { screenshot(options: object): Promise<Buffer> }, name: string): Promise<void> {
  const folder = process.env['CAISSON_SCREENSHOTS'];
  if (folder !== undefined) writeFileSync(`${folder}/${name}.png`, await tab.screenshot({ fullPage: true }));
}

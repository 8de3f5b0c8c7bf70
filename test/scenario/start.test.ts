// The README's first command, as its user would run it: an enclave that is built, started, verified and served, and a page in a real browser that says
// so, or the contrary. What is left afterwards is files that a second run uses again.
import { deepEqual, equal, match, ok, rejects } from 'node:assert/strict';
import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { existsSync, mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, type TestContext, test } from 'node:test';
import { withLock } from '@caisson/host/file';
import { findPolicy } from '@caisson/host/operator';
import { isAlive } from '@caisson/testkit/backend';
import { currentLane } from '@caisson/testkit/contract';
import { attest } from '@caisson/verify';
import { type Browser, chromium, type Page } from 'playwright-core';
import { simulatorSkip } from './backend/simulator-skip.ts';

const root = join(import.meta.dirname, '../..');
const built = ['packages/cli/dist/main/caisson.js', 'dist/caisson-verify.js'].find(
  (path) => !existsSync(join(root, path)),
);
const skip = simulatorSkip || (built !== undefined && `no ${built} (npm run build)`);
const browserPath = ['/usr/bin/chromium', '/usr/bin/chromium-browser'].find((path) => existsSync(path));

interface Started {
  readonly child: ChildProcess;
  readonly env: NodeJS.ProcessEnv;
  readonly state: string;
  output(): string;
  ended(): Promise<number | null>;
}

// One for all: the second run finds the image of the first.
const shared = mkdtempSync(join(tmpdir(), 'caisson-st-'));
after(() => rmSync(shared, { recursive: true, force: true }));

function start(context: TestContext, folder: string, ...words: string[]): Started {
  const env = { ...process.env, CAISSON_STATE: join(folder, 'state'), XDG_CONFIG_HOME: join(folder, 'config') };
  const child = spawn(process.execPath, [join(root, 'scripts/start.ts'), ...words], {
    cwd: root,
    env,
    stdio: ['ignore', 'pipe', 'pipe'],
  });
  let output = '';
  for (const stream of [child.stdout!, child.stderr!]) {
    stream.setEncoding('utf8').on('data', (text) => {
      output += text;
    });
  }
  const closed = once(child, 'close').then(([code]) => code as number | null);
  context.after(async () => {
    // Only where the test failed in the middle.
    if (child.exitCode === null) child.kill('SIGTERM');
    await closed;
  });
  return { child, env, state: env.CAISSON_STATE, output: () => output, ended: () => closed };
}

/** Processes that were started for this state folder: of ours, each has it in its environment. */
function processesOf({ state }: Started): number[] {
  return readdirSync('/proc')
    .filter((name) => /^\d+$/.test(name) && readEnvironment(name).includes(`CAISSON_STATE=${state}\0`))
    .map(Number);
}

function readEnvironment(pid: string): string {
  try {
    return readFileSync(`/proc/${pid}/environ`, 'latin1');
  } catch {
    // Gone, or somebody else's.
    return '';
  }
}

/** The shim and the enclave's processes on this machine, as the record has them. */
function recordedPids({ state }: Started): number[] {
  const record = JSON.parse(readFileSync(join(state, 'enclaves/hello/state.json'), 'utf8'));
  return [record.shim.pid, ...record.pids];
}

/** No record, nothing in the fabric but the parent's folder, and no process. */
function verifyNothingRuns(run: Started): void {
  deepEqual(readdirSync(join(run.state, 'enclaves')), []);
  deepEqual(readdirSync(join(run.state, 'run/fabric')), ['3']);
  deepEqual(readdirSync(join(run.state, 'run/fabric/3')), []);
  deepEqual(processesOf(run), []);
}

test('npm start -- --once builds, starts, verifies, is asked 1,000 times, shows two refusals, and ends with 0', {
  skip,
  timeout: 300_000,
}, async (context) => {
  const run = start(context, shared, '--once', '--port', '0');
  equal(await run.ended(), 0, run.output());
  for (const line of [
    /VERIFIED \(SIMULATED\)/,
    /requests +1000, 0 failed/,
    /latency +p50 [\d.]+ ms, p99 [\d.]+ ms/,
    /module id +i-[0-9a-f]{17}-enc[0-9a-f]{16}/,
    /PCR2 +[0-9a-f]{96}/,
    /one bit flipped +refused \(SIG\)/,
    /another image +refused \(PCR\)/,
    /SIMULATED: the root above proves nothing about hardware/,
  ]) {
    match(run.output(), line);
  }
  verifyNothingRuns(run);
});

test('npm start serves the enclave and a page of this machine that judges it; Ctrl-C ends both and leaves nothing', {
  skip,
  timeout: 300_000,
}, async (context) => {
  const run = start(context, shared, '--port', '0');
  const [at, verifier] = await addresses(run);
  const pids = recordedPids(run);
  ok(pids.length >= 3 && processesOf(run).length >= 2, `${pids} ${processesOf(run)}`);
  const { policy } = await findPolicy({ env: run.env, enclave: 'hello', folder: '/' });
  const endpoint = `${at}.well-known/attestation`;
  const { bound, root: trusted, claims, profile } = await attest(endpoint, policy);
  deepEqual(
    [bound, trusted, claims?.purpose, claims?.imageVersion, profile],
    [false, 'custom', 'caisson-web/1', 1, 'development'],
  );
  await rejects(attest(endpoint, { ...policy, pcrs: { 0: 'ab'.repeat(48) } }), { class: 'PCR' });
  equal((await fetch(`${endpoint}?nonce=ab`)).status, 400);
  equal((await fetch(`${at}nothing`)).status, 404);
  equal((await fetch(at, { method: 'POST' })).status, 405);

  await context.test('the pages in chromium', { skip: browserPath === undefined && 'no chromium here' }, async () => {
    const browser = await openBrowser();
    try {
      await judge(
        await browser.newPage({ viewport: { width: 1000, height: 1250 } }),
        verifier,
        at,
        policy.pcrs[0]![0]!,
      );
    } finally {
      await browser.close();
    }
  });

  const asked = await Promise.all(
    Array.from({ length: 60 }, () => fetch(`${endpoint}?nonce=${'ab'.repeat(16)}`).then(({ status }) => status)),
  );
  ok(asked.includes(429) && asked.includes(200), asked.join(' '));
  // The terminal is closed, or Ctrl-C.
  const isClosed = currentLane() === 'deep';
  if (isClosed) for (const stream of [run.child.stdout!, run.child.stderr!]) stream.destroy();
  run.child.kill(isClosed ? 'SIGHUP' : 'SIGINT');
  equal(await run.ended(), 0, run.output());
  verifyNothingRuns(run);
  // One that has ended and was not reaped yet is nothing that runs.
  deepEqual(pids.filter(isAlive), []);
  for (const url of [at, verifier]) await rejects(fetch(url));
});

test('a port in use is named, and another is offered, before anything is built', { skip }, async (context) => {
  const server = createServer().listen(0, '127.0.0.1');
  await once(server, 'listening');
  context.after(() => server.close());
  const { port } = server.address() as AddressInfo;
  const run = start(context, join(shared, 'untouched'), '--once', '--port', String(port));
  equal(await run.ended(), 1);
  match(
    run.output(),
    new RegExp(`^start: port ${port} on 127.0.0.1 is in use; try: npm start -- --port ${port + 1}\n$`),
  );
  ok(!existsSync(run.state));
});

test('a second npm start is told of the first, and a wrong word of the right ones, before anything is built', {
  skip,
}, async (context) => {
  const folder = mkdtempSync(join(tmpdir(), 'caisson-st-'));
  context.after(() => rmSync(folder, { recursive: true }));
  mkdirSync(join(folder, 'state'));
  const second = await withLock(join(folder, 'state/start.lock'), async () => {
    const run = start(context, folder, '--port', '0');
    return [await run.ended(), run.output()];
  });
  deepEqual(second, [
    1,
    'start: npm start runs here already; Ctrl-C there ends it, and so does: npx caisson down hello\n',
  ]);
  const wrong = start(context, folder, '--prot', '0');
  equal(await wrong.ended(), 64);
  match(wrong.output(), /^start: Unknown option '--prot'.*\n {2}hint: npm start -- \[--once\] \[--port N\]\n$/);
});

/** As they are printed when both are there. */
function addresses(run: Started): Promise<[enclave: string, verifier: string]> {
  return new Promise((resolve, reject) => {
    const look = (): void => {
      const enclave = /the enclave +(http:\S+)/.exec(run.output())?.[1];
      const verifier = /the verifier +(http:\S+)/.exec(run.output())?.[1];
      if (enclave !== undefined && verifier !== undefined) resolve([enclave, verifier]);
    };
    run.child.stdout?.on('data', look);
    void run.ended().then(() => reject(new Error(run.output())));
  });
}

/** An answer that an enclave holds back comes after the refusal of a later one, and changes nothing. */
async function refuseLate(tab: Page): Promise<void> {
  const [late, released] = [Promise.withResolvers<void>(), Promise.withResolvers<void>()];
  const url = '**/.well-known/attestation*';
  await tab.route(
    url,
    async (route) => {
      await late.promise;
      await route.continue();
      released.resolve();
    },
    { times: 1 },
  );
  await tab.click('[data-action="ask"]');
  await tab.click('[data-action="tamper"]');
  await tab.waitForSelector('body[data-verdict="refused"]');
  const answered = tab.waitForResponse(url);
  late.resolve();
  await Promise.all([answered, released.promise]);
  // As long as the page takes to judge an answer: this one came later.
  const held = await tab.evaluate(`(async () => {
    const { endpoint, policy } = await (await fetch('/expected.json')).json();
    const { attest } = await import('/caisson-verify.js');
    return (await attest(endpoint, policy)).moduleId;
  })()`);
  equal(typeof held, 'string');
  equal(await tab.getAttribute('body', 'data-verdict'), 'refused');
  match((await tab.locator('#reason').textContent()) ?? '', /somebody changed it on its way/);
}

async function judge(tab: Page, verifier: string, enclave: string, pcr0: string): Promise<void> {
  const faults: string[] = [];
  tab.on('pageerror', (error) => faults.push(error.message));
  tab.on('console', (line) => line.type() === 'error' && faults.push(line.text()));
  const registers = (): Promise<string[]> =>
    tab.locator('#pcrs tr').evaluateAll((rows) => rows.map(({ className }) => className));
  const reason = async (): Promise<string> => (await tab.locator('#reason').textContent()) ?? '';

  await tab.goto(verifier);
  await tab.waitForSelector('body:not([data-verdict="asking"])', { timeout: 300_000 });
  equal(await tab.getAttribute('body', 'data-verdict'), 'held', await reason());
  deepEqual(await registers(), ['held', 'held', 'held']);
  equal(await tab.locator('#pcrs code').first().textContent(), pcr0);
  match(await reason(), /bound: false/);
  ok(await tab.locator('#simulated').isVisible());
  match((await tab.locator('#simulated').textContent()) ?? '', /^\s*SIMULATED/);
  await look(tab, 'held');

  await tab.click('[data-action="tamper"]');
  await tab.waitForSelector('body[data-verdict="refused"]');
  match(await reason(), /somebody changed it on its way/);
  deepEqual(await tab.locator('#checks li.refused').allTextContents(), ['✗ signed']);
  deepEqual(await registers(), ['unknown', 'unknown', 'unknown']);
  await look(tab, 'tampered');

  await tab.click('[data-action="policy"]');
  await tab.waitForSelector('#pcrs tr.refused');
  deepEqual(await registers(), ['refused', 'held', 'held']);
  ok(await tab.locator('#simulated').isVisible());
  await look(tab, 'policy');

  await refuseLate(tab);
  await tab.click('[data-action="ask"]');
  await tab.waitForSelector('body[data-verdict="held"]');
  await tab.goto(enclave);
  match((await tab.textContent('h1')) ?? '', /Hello from inside/);
  match((await tab.textContent('dl')) ?? '', /network interfaceslo/);
  await look(tab, 'enclave');
  deepEqual(faults, []);
}

function openBrowser(): Promise<Browser> {
  const flags = ['no-sandbox', 'disable-gpu', 'disable-quic', 'no-first-run', 'disable-background-networking'];
  const args = [...flags, 'disable-component-update', 'disable-sync'].map((flag) => `--${flag}`);
  return chromium.launch({ executablePath: browserPath!, args, timeout: 300_000 });
}

/** For a person who wants to see it: CAISSON_SCREENSHOTS=FOLDER. */
async function look(tab: Page, name: string): Promise<void> {
  const folder = process.env['CAISSON_SCREENSHOTS'];
  if (folder !== undefined) writeFileSync(`${folder}/${name}.png`, await tab.screenshot({ fullPage: true }));
}

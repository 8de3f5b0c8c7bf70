// `caisson console`: of whom there is one, what is shown, when it ends.
import { deepEqual, equal, match, rejects } from 'node:assert/strict';
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { PassThrough } from 'node:stream';
import { type TestContext, test } from 'node:test';
import { type EnclaveRecord, enclaveFolder } from '@caisson/host/record';
import { createFakeEnclaveHost, createFakeShim, type FakeShim, fakeRecord, fakeState } from '@caisson/testkit/fake';
import { showConsole } from './console-session.ts';

function host(context: TestContext, record: EnclaveRecord, shim?: FakeShim) {
  const state = mkdtempSync(join(tmpdir(), 'caisson-'));
  context.after(() => rmSync(state, { recursive: true }));
  const stop = new AbortController();
  const [stdout, stderr] = [new PassThrough(), new PassThrough()];
  const source = createFakeEnclaveHost(
    state,
    new Map([[record.name, record]]),
    new Map(shim === undefined ? [] : [[record.name, shim]]),
  );
  const show = (options: { follow?: boolean; disconnectMs?: number } = {}): Promise<number> =>
    showConsole(
      source,
      record.name,
      { stdout, stderr, stop: stop.signal },
      { follow: true, disconnectMs: undefined, ...options },
    );
  const text = (stream: PassThrough): string => String(stream.read() ?? '');
  return { state, stop, show, stdout, out: () => text(stdout), err: () => text(stderr) };
}

test('follows what an enclave prints until it ends, and steers no terminal', async (context) => {
  const shim = createFakeShim(fakeState('web'), [], 'booting\n');
  const { show, stdout, out } = host(context, fakeRecord('web'), shim);
  const ended = show();
  await new Promise((resolve) => stdout.once('readable', resolve));
  shim.print('\u001b[2J\u0007ready\n');
  shim.end();
  equal(await ended, 0);
  equal(out(), 'booting\n\\u001b[2J\\u0007ready\n');
  deepEqual(shim.asked, ['close']);
});

test('without following it shows what there is; a signal ends with its code, a timeout with 0', async (context) => {
  const shim = createFakeShim(fakeState('web'), [], 'booting\n');
  const { show, out, stop } = host(context, fakeRecord('web'), shim);
  equal(await show({ follow: false }), 0);
  equal(out(), 'booting\n');
  equal(await show({ disconnectMs: 10 }), 0);
  const ended = show();
  stop.abort('SIGINT');
  equal(await ended, 130);
});

test('of an enclave that has ended it shows what its host kept, and says so', async (context) => {
  const { state, show, out, err } = host(context, fakeRecord('web', {}, { phase: 'exited' }));
  mkdirSync(enclaveFolder(state, 'web').path, { recursive: true });
  writeFileSync(enclaveFolder(state, 'web').console, '\u001b[2Jcaisson-init: exit 7\n');
  equal(await show(), 0);
  equal(out(), '\\u001b[2Jcaisson-init: exit 7\n');
  match(err(), /^enclave web is exited: this is what its host kept\n$/);
});

test('an enclave on hardware that is not in debug mode has none, and one in debug mode has', async (context) => {
  const real = host(context, fakeRecord('web', { backend: 'nitro' }, { backend: 'nitro' }));
  await rejects(real.show(), { code: 'CLI_CONSOLE', message: /enclave web must be in debug mode to have a console/ });
  const shim = createFakeShim(fakeState('web'), [], 'x\n');
  const debug = host(context, fakeRecord('web', { backend: 'nitro', debug: true }, { backend: 'nitro' }), shim);
  equal(await debug.show({ follow: false }), 0);
});

// `caisson wait` and `caisson last-words` as they are used: exit codes, the words for each way of not being ready, --json against its schema.
import assert from 'node:assert/strict';
import { generateKeyPairSync, type KeyObject } from 'node:crypto';
import { writeFileSync } from 'node:fs';
import type { Socket } from 'node:net';
import { join } from 'node:path';
import { type TestContext, test } from 'node:test';
import { toCid, toVsockPort } from '@caisson/core/address';
import { encodeFrame } from '@caisson/core/frame';
import { enclaveFolder, writeSpec, writeState } from '@caisson/host/record';
import { createReadyReporter, sealLastWords } from '@caisson/link/ready';
import { assertFitsSchema } from '@caisson/testkit/contract';
import { fakeSpec, fakeState } from '@caisson/testkit/fake';
import { openWall, serveBy } from '@caisson/testkit/loopback';
import { hear } from '@caisson/testkit/program';
import { run } from '../run.ts';

const cid = toCid(16);
const bootId = 'a'.repeat(32);

function wall(t: TestContext) {
  const { directory: folder, enclave } = openWall(t, cid);
  const caisson = (...words: string[]) => hear(run, words, { env: { CAISSON_VSOCK: `fabric:${folder}` } });
  const serve = (port: number, behave: (socket: Socket) => void): Promise<void> =>
    serveBy(t, enclave, toVsockPort(port), behave);
  return { folder, enclave, caisson, serve };
}

const quick = ['--timeout', '0.4', '--interval', '0.02'];
const answer = (value: object) => (socket: Socket) => void socket.end(encodeFrame(Buffer.from(JSON.stringify(value))));

test('wait on a port that only accepts ends with 3 and says that it never answers', async (t) => {
  const { caisson, serve } = wall(t);
  await serve(5000, () => {});
  const { code, out, err } = await caisson('wait', '16', ...quick);
  assert.equal(code, 3);
  assert.match(
    out,
    /^NOT READY {2}enclave 16 after \d+ms, \d+ asked\nphase +nothing was said of it\nport 5000 +accepts and never answers\n$/,
  );
  assert.match(err, /hint: somebody listens and is stuck/);
});

test('wait ends with 3 and a clause of its own for a port that refuses, closes, babbles or is not well', async (t) => {
  const cases: [((socket: Socket) => void) | undefined, RegExp][] = [
    [undefined, /port 5000 +refuses: nobody listens\n/],
    [(socket) => socket.end(), /accepts and closes without an answer\n/],
    [(socket) => socket.write('\u001b[31mHTTP'), /answers something that is no answer: answer must have at most 16384/],
    [
      answer({
        status: 'starting',
        phase: 'services',
        reasons: [{ code: 'service-not-ready', service: 'app' }],
        bootId,
      }),
      /boot +a{32}\nphase +services\nreason +service-not-ready app\nport 5000 +answers starting, phase services/,
    ],
  ];
  for (const [behave, text] of cases) {
    const { caisson, serve } = wall(t);
    if (behave !== undefined) await serve(5000, behave);
    const { code, out } = await caisson('wait', '16', ...quick);
    assert.equal(code, 3);
    assert.match(out, text);
  }
});

test('wait ends with 0 when the enclave is ready, and --port asks an application that has nothing of ours inside', async (t) => {
  const { caisson, serve } = wall(t);
  await serve(5000, answer({ status: 'ok', phase: 'ready', reasons: [], bootId }));
  await serve(9001, answer({ status: 'ok' }));
  const ours = await caisson('wait', '16', '--json');
  assert.equal(ours.code, 0);
  assertFitsSchema(JSON.parse(ours.out), 'wait');
  assert.equal(JSON.parse(ours.out).bootId, bootId);
  const theirs = await caisson('wait', '16', '--port', '9001');
  assert.equal(theirs.code, 0);
  assert.match(theirs.out, /^READY +enclave 16/);
  // What was asked, and what came of it, with the boot id once it is known.
  const lines = ours.err
    .trim()
    .split('\n')
    .map((line) => JSON.parse(line));
  assert.deepEqual(
    lines.map(({ code }) => code),
    ['READY_DIAL', 'READY_CONNECTED', 'READY_ANSWERED'],
  );
  assert.equal(lines[2].fields.bootId, bootId);
});

test('wait --line shows the last words of an enclave that died, keeps them, and last-words reads them later', async (t) => {
  const { caisson, enclave, folder } = wall(t);
  const image = { profile: 'development', lastWords: 'inside', lastWordsKey: null } as const;
  const reporter = createReadyReporter({ transport: enclave, image, bootId, clock: 'tsc' });
  t.after(() => reporter.close());
  reporter.report('failed', [{ code: 'service-failed', service: 'app', exit: 7 }]);
  reporter.lastWords('app', ['cannot open \u001b[31mdatabase']);
  const file = join(folder, 'words.json');
  const waiting = caisson('wait', '16', '--line', '--keep', file, '--json', '--timeout', '60');
  setTimeout(() => void reporter.finish(7, 'service-failed'), 300);
  const { code, out } = await waiting;
  assert.equal(code, 3);
  const document = JSON.parse(out);
  assertFitsSchema(document, 'wait');
  assert.deepEqual(document.reasons, [{ code: 'service-failed', service: 'app', exit: 7 }]);
  assert.deepEqual(document.lastWords, [{ service: 'app', lines: ['cannot open \u001b[31mdatabase'] }]);
  const later = await caisson('last-words', file);
  assert.equal(later.code, 0);
  assert.match(later.out, /^enclave +16, development\nboot +a{32}\nphase +failed, /);
  assert.match(later.out, /last words of app\n {2}cannot open \\u001b\[31mdatabase\n$/);
  const json = await caisson('last-words', file, '--json');
  assertFitsSchema(JSON.parse(json.out), 'last-words');
});

test('last-words takes an enclave of this host by name, as the hints of one that failed have it', async (t) => {
  const { folder } = wall(t);
  const CAISSON_STATE = join(folder, 'state');
  const caisson = (...words: string[]) => hear(run, words, { env: { CAISSON_STATE } });
  await writeSpec(CAISSON_STATE, fakeSpec('web'));
  await writeState(CAISSON_STATE, fakeState('web'));
  const none = await caisson('last-words', 'web');
  assert.deepEqual([none.code, /last words .*web.*ENOENT/.test(none.err)], [1, true], none.err);
  const rest = { profile: 'production', phase: 'failed', final: null, seenAt: '2026-11-21T10:00:00.000Z' };
  const words = [{ service: 'app', lines: ['cannot open database'] }];
  writeFileSync(
    enclaveFolder(CAISSON_STATE, 'web').lastWords,
    JSON.stringify({ v: 1, cid: 16, bootId, ...rest, words }),
  );
  assert.match((await caisson('last-words', 'web')).out, /last words of app\n {2}cannot open database\n$/);
  const unknown = await caisson('last-words', 'wen');
  assert.equal(unknown.code, 1);
  assert.match(unknown.err, /wen/);
});

test('last-words opens what was sealed with its key, and exits 2 for another key or another boot’s words', async (t) => {
  const { caisson, folder } = wall(t);
  const { publicKey, privateKey } = generateKeyPairSync('x25519');
  const pem = (name: string, key: KeyObject): string => {
    writeFileSync(join(folder, name), key.export({ format: 'pem', type: 'pkcs8' }));
    return join(folder, name);
  };
  const write = (name: string, boot: string): string => {
    const sealed = sealLastWords({ bootId, service: 'app', lines: ['the secret reason'] }, publicKey);
    const words = [{ service: 'app', sealed: Buffer.from(sealed).toString('base64') }];
    const rest = { profile: 'production', phase: 'failed', final: null, seenAt: '2026-11-21T10:00:00.000Z' };
    writeFileSync(join(folder, name), JSON.stringify({ v: 1, cid: 16, bootId: boot, ...rest, words }));
    return join(folder, name);
  };
  const [file, moved] = [write('words.json', bootId), write('moved.json', 'b'.repeat(32))];
  const [key, other] = [pem('key.pem', privateKey), pem('other.pem', generateKeyPairSync('x25519').privateKey)];
  const closed = await caisson('last-words', file);
  assert.match(closed.out, /last words of app: \d+ bytes, sealed/);
  assert.doesNotMatch(closed.out, /secret/);
  assert.match((await caisson('last-words', file, '--key', key)).out, /last words of app\n {2}the secret reason\n$/);
  assert.equal((await caisson('last-words', file, '--key', other)).code, 2);
  const wrong = await caisson('last-words', moved, '--key', key);
  assert.equal(wrong.code, 2);
  assert.match(wrong.err, /were sealed by app in boot a{32}/);
  const json = await caisson('last-words', file, '--json');
  assertFitsSchema(JSON.parse(json.out), 'last-words');
});

test('wait names what is wrong with its words', async (t) => {
  const { caisson } = wall(t);
  const faults: [string[], RegExp][] = [
    [['wait'], /missing required argument 'enclave'/],
    [['wait', 'shop', '--line'], /--line and --keep are for a CID: the ready line of shop is heard by its shim/],
    [['wait', '3'], /enclaves have CIDs from 4, got 3/],
    [['wait', '1e3'], /invalid CID: 1e3/],
    [['wait', '16', '--timeout', '0'], /--timeout must be seconds or a duration in \(0, 24h\], got "0"/],
    [['wait', '16', '--interval', '-1'], /--interval must be/],
    [['wait', '16', '--timeout', '25h'], /--timeout must be/],
    [['wait', '16', '--keep', 'x'], /--keep needs --line/],
  ];
  for (const [words, message] of faults) {
    const { code, err } = await caisson(...words);
    assert.equal(code, 64, words.join(' '));
    assert.match(err, message);
  }
});

// What becomes of a service's words: lines that are safe, files that do not grow, and losses that are counted.
import assert from 'node:assert/strict';
import { execFileSync } from 'node:child_process';
import { constants } from 'node:fs';
import { mkdir, mkdtemp, open, readdir, readFile, rm, stat, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { test } from 'node:test';
import type { ServiceLogLine } from '@caisson/link/init';
import { createFakeClock, type FakeClock } from '@caisson/testkit/fake';
import fc from 'fast-check';
import { openFifo } from './fifo.ts';
import { ServiceLog } from './service-log.ts';
import { createLineSplitter, MAX_LINE_BYTES } from './split-lines.ts';

async function withFolder(work: (folder: string) => Promise<void>): Promise<void> {
  const folder = await mkdtemp(join(tmpdir(), 'caisson-log-'));
  try {
    await work(folder);
  } finally {
    await rm(folder, { recursive: true, force: true });
  }
}

type Trouble = { readonly error: Error | undefined; readonly lost: number };

function openLog(folder: string, terms: { maxBytes?: number; maxFiles?: number; clock?: FakeClock } = {}) {
  const troubles: Trouble[] = [];
  const { maxBytes = 1 << 20, maxFiles = 5, clock = createFakeClock() } = terms;
  const onTrouble = (trouble: Trouble) => void troubles.push(trouble);
  return { log: new ServiceLog({ name: 'web', folder, maxBytes, maxFiles, clock, onTrouble }), troubles, clock };
}

const texts = (lines: readonly ServiceLogLine[]): string[] => lines.map(({ text }) => text);

test('a line is told once it has its end, wherever the chunks are cut', () => {
  const whole = Buffer.from('one\r\n\ntwo \ttabs\nthr\u00e9e \u{1f600}\nrest');
  const expected = ['one', '', 'two \ttabs', 'thr\u00e9e \u{1f600}'];
  for (let cut = 0; cut <= whole.length; cut += 1) {
    const splitter = createLineSplitter();
    const lines = [...splitter.push(whole.subarray(0, cut)), ...splitter.push(whole.subarray(cut))];
    assert.deepEqual(lines, expected, `cut at ${cut}`);
    assert.deepEqual(splitter.flush(), ['rest']);
    assert.deepEqual(splitter.flush(), []);
  }
});

test('an endless line is cut at its bound, never through a character, and nothing of it is lost', () => {
  const splitter = createLineSplitter();
  const text = `a${'\u{1f600}'.repeat(20_000)}`;
  const lines: string[] = [];
  const bytes = Buffer.from(text);
  for (let at = 0; at < bytes.length; at += 1_000) lines.push(...splitter.push(bytes.subarray(at, at + 1_000)));
  lines.push(...splitter.flush());
  assert.equal(lines.join(''), text);
  for (const line of lines) assert.ok(Buffer.byteLength(line) <= MAX_LINE_BYTES);
});

test('any bytes become lines without a control character, whatever they are', () => {
  fc.assert(
    fc.property(fc.array(fc.uint8Array({ maxLength: 300 }), { maxLength: 5 }), (chunks) => {
      const splitter = createLineSplitter();
      const lines = chunks.flatMap((chunk) => splitter.push(Buffer.from(chunk)));
      lines.push(...splitter.flush());
      for (const line of lines) assert.doesNotMatch(line, /[\u0000-\u0008\u000a-\u001f\u007f-\u009f\u2028\u202e]/);
    }),
    { seed: 6, numRuns: process.env['CAISSON_LANE'] === 'deep' ? 50_000 : 1_000 },
  );
  assert.deepEqual(createLineSplitter().push(Buffer.from('\u001b[31mred\u0000\n')), ['\\u001b[31mred\\u0000']);
});

test('a line stands in the file with its time and its stream, and is read back from there', async () => {
  await withFolder(async (folder) => {
    const { log, clock } = openLog(folder);
    log.add('out', ['first', 'second']);
    log.add('err', ['third']);
    const time = new Date(clock.date()).toISOString();
    assert.equal(
      await readFile(join(folder, 'web.log'), 'utf8'),
      `${time} out first\n${time} out second\n${time} err third\n`,
    );
    assert.equal((await stat(join(folder, 'web.log'))).mode & 0o777, 0o600);
    const { log: later } = openLog(folder, { clock });
    assert.deepEqual(await later.last(2), [
      { timeMs: clock.date(), stream: 'out', text: 'second' },
      { timeMs: clock.date(), stream: 'err', text: 'third' },
    ]);
  });
});

test('files are rotated at their bound and no more of them are kept than allowed', async () => {
  await withFolder(async (folder) => {
    const { log } = openLog(folder, { maxBytes: 1_000, maxFiles: 3 });
    for (let at = 0; at < 100; at += 1) {
      log.add('out', [`line ${at}`]);
    }
    assert.deepEqual((await readdir(folder)).sort(), ['web.log', 'web.log.1', 'web.log.2']);
    for (const name of await readdir(folder)) assert.ok((await stat(join(folder, name))).size <= 1_000);
    const kept = await openLog(folder, { maxBytes: 1_000, maxFiles: 3 }).log.last(60);
    assert.deepEqual(
      texts(kept),
      Array.from({ length: 60 }, (_, at) => `line ${at + 40}`),
    );
    log.clear();
    assert.deepEqual(await readdir(folder), ['web.log']);
    assert.deepEqual(await log.last(10), []);
  });
});

test('with one file allowed, that one is rotated too', async () => {
  await withFolder(async (folder) => {
    const { log } = openLog(folder, { maxBytes: 200, maxFiles: 1 });
    for (let at = 0; at < 50; at += 1) {
      log.add('out', [`line ${at}`]);
    }
    assert.deepEqual(await readdir(folder), ['web.log']);
    assert.ok((await stat(join(folder, 'web.log'))).size <= 200);
  });
});

test('R-I7: when the folder takes nothing, memory keeps the last lines, losses are counted, and it is said once', async () => {
  await withFolder(async (folder) => {
    // A file where the folder should be fails as a full disk does, at each write, and for root too.
    const path = join(folder, 'log');
    await writeFile(path, '');
    const { log, troubles, clock } = openLog(path);
    for (let at = 0; at < 100; at += 1) {
      log.add('out', [`line ${at}`]);
      await clock.advance(100);
    }
    assert.deepEqual(texts(await log.last(3)), ['line 97', 'line 98', 'line 99']);
    assert.equal(troubles.length, 1);
    assert.match(String(troubles[0]?.error), /EEXIST|ENOTDIR/);
    await rm(path);
    await clock.advance(5_000);
    log.add('out', ['it works']);
    assert.deepEqual(troubles[1], { error: undefined, lost: 100 });
    assert.match(
      await readFile(join(path, 'web.log'), 'utf8'),
      /^\S+ init 100 lines are missing here\n\S+ out it works\n$/,
    );
  });
});

test('memory keeps a bounded tail, in lines and in characters', () => {
  const { log } = openLog('/dev/null/caisson');
  log.add(
    'out',
    Array.from({ length: 5_000 }, (_, at) => `${at}`),
  );
  assert.deepEqual(
    texts(log.lastInMemory(9_999)),
    Array.from({ length: 1_000 }, (_, at) => `${at + 4_000}`),
  );
  log.add(
    'out',
    Array.from({ length: 100 }, () => 'y'.repeat(8_000)),
  );
  assert.equal(log.lastInMemory(9_999).length, 8);
});

test('who follows gets each line until it stops, and one who throws is dropped', () => {
  const { log } = openLog('/dev/null/caisson');
  const seen: string[] = [];
  const stop = new AbortController();
  log.follow(({ text }) => void seen.push(text), stop.signal);
  let thrown = 0;
  log.follow(() => {
    thrown += 1;
    throw new Error('gone');
  }, stop.signal);
  log.add('out', ['one', 'two']);
  stop.abort();
  log.add('out', ['three']);
  assert.deepEqual(seen, ['one', 'two']);
  assert.equal(thrown, 1);
});

test('what lies in a FIFO when its writer has ended is said at once, its last line too', async () => {
  await withFolder(async (folder) => {
    const path = join(folder, 'web.err');
    execFileSync('mkfifo', [path]);
    const holder = await open(path, constants.O_RDWR | constants.O_NONBLOCK);
    const lines: string[] = [];
    const reader = openFifo(path, (more) => lines.push(...more));
    await holder.write('it burns\nno end');
    reader.drain();
    assert.deepEqual(lines, ['it burns', 'no end']);
    reader.drain();
    await holder.write('next\n');
    reader.drain();
    assert.deepEqual(lines, ['it burns', 'no end', 'next']);
    reader.close();
    await holder.close();
    await new Promise(setImmediate);
    reader.drain();
  });
});

test('a FIFO is read to the end of its writers, and a new one under its name is another', async () => {
  await withFolder(async (folder) => {
    const path = join(folder, 'web.out');
    execFileSync('mkfifo', [path]);
    // As PID 1 holds it.
    const holder = await open(path, constants.O_RDWR | constants.O_NONBLOCK);
    await holder.write('before anybody read\n');
    const lines: string[] = [];
    let told = Promise.withResolvers<void>();
    const reader = openFifo(path, (more) => {
      lines.push(...more);
      told.resolve();
    });
    await told.promise;
    told = Promise.withResolvers();
    await holder.write('no end');
    await holder.close();
    await told.promise;
    assert.deepEqual(lines, ['before anybody read', 'no end']);
    assert.equal(reader.isOpen, false);
    assert.equal(reader.inode, (await stat(path, { bigint: true })).ino);
    await mkdir(join(folder, 'folder'));
    assert.throws(() => openFifo(join(folder, 'folder'), () => {}), { code: 'ENXIO' });
  });
});

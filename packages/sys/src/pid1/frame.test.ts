// The page of the protocol against the client, and the client against whatever bytes come.
import { deepEqual, equal, ok, throws } from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { test } from 'node:test';
import fc from 'fast-check';
import type { ProcessFrame } from './frame.ts';
import { encodeEnd, encodeForget, encodeFrame, encodeSignal, encodeStart, frameType, steps } from './frame.ts';
import type { ProcessRequest } from './process-host.ts';
import { createFrameReader } from './reader.ts';

const page = readFileSync(new URL('../../../../docs/wire/pid1.md', import.meta.url), 'utf8');
const examples = new Map(
  [...page.matchAll(/^```hex (.+)\n([^`]+)^```/gm)].map(([, title = '', body = '']) => [
    title,
    Buffer.from(body.replace(/\|.*$/gm, '').replace(/\s/g, ''), 'hex'),
  ]),
);
const identity = { pid: 101, startTime: 123_456 };
const web: ProcessRequest = {
  name: 'web',
  argv: ['/bin/web', '-p'],
  env: { A: 'b' },
  cwd: '/',
  uid: 1000,
  gid: 1000,
  umask: 0o022,
  limitNofile: 4096,
  noNewPrivileges: true,
  oomScoreAdjust: -500,
  cgroup: 'web',
  streams: { stdin: null, stdout: '/run/caisson/log/web.out', stderr: '/run/caisson/log/web.err', hold: true },
};

function hear(...parts: readonly Buffer[]): { frames: ProcessFrame[]; good: boolean } {
  const frames: ProcessFrame[] = [];
  const take = createFrameReader((frame) => frames.push(frame));
  return { good: parts.every((part) => take(part)), frames };
}

test('pid1.md shows requests as they are written', () => {
  const written: Readonly<Record<string, Buffer>> = {
    'start of web, id 1': encodeFrame(frameType.start, 1, encodeStart(web)),
    'table, id 2': encodeFrame(frameType.table, 2),
    'signal of web, id 3': encodeFrame(frameType.signal, 3, encodeSignal('web', identity, 15, 'group')),
    'forget of web, id 4': encodeFrame(frameType.forget, 4, encodeForget('web', identity)),
    'end, id 5': encodeFrame(frameType.end, 5, encodeEnd(42)),
  };
  for (const [title, bytes] of Object.entries(written))
    equal(bytes.toString('hex'), examples.get(title)?.toString('hex'), title);
});

test('pid1.md shows answers and events as they are read', () => {
  const read: Readonly<Record<string, ProcessFrame>> = {
    'started, id 1': { kind: 'started', id: 1, identity },
    'error, id 1': { kind: 'error', id: 1, errno: 2, step: 'exec' },
    'entry, id 2': { kind: 'entry', id: 2, entry: { name: 'web', ...identity } },
    'done, id 2': { kind: 'done', id: 2 },
    ended: { kind: 'ended', entry: { name: 'web', ...identity, end: { kind: 'signal', signal: 15, dumped: false } } },
    terminate: { kind: 'terminate' },
    reload: { kind: 'reload' },
  };
  for (const [title, frame] of Object.entries(read))
    deepEqual(hear(examples.get(title)!), { good: true, frames: [frame] }, title);
  equal(examples.size, Object.keys(read).length + 5);
});

test('pid1.md and PID 1 have the steps of an error in this order', () => {
  const [, list = ''] = /^Steps of an error: ([^.]+(?:\.(?! *\n\n)[^.]*)*)/m.exec(page) ?? [];
  const named = [...list.matchAll(/(\d+) ([a-z]+)/g)].filter(([, number, name]) => steps[Number(number)] === name);
  deepEqual(
    named.map(([, , name]) => name),
    [...steps],
  );
  const header = readFileSync(new URL('../../pid1/table.h', import.meta.url), 'utf8');
  const inC = [...header.matchAll(/^ {2}caisson_step_([a-z]+),$/gm)].map(([, name]) => name);
  deepEqual(
    inC,
    steps.map((step) => (step === 'chdir' ? 'folder' : step)),
  );
});

test('a stream cut anywhere gives the same frames', () => {
  const stream = Buffer.concat(
    ['started, id 1', 'entry, id 2', 'done, id 2', 'ended', 'reload'].map((title) => examples.get(title)!),
  );
  const whole = hear(stream);
  equal(whole.frames.length, 5);
  fc.assert(
    fc.property(fc.array(fc.nat(stream.length), { maxLength: 12 }), (cuts) => {
      const places = [0, ...cuts.toSorted((left, right) => left - right), stream.length];
      const parts = places.slice(1).map((end, at) => stream.subarray(places[at], end));
      deepEqual(hear(...parts), whole);
    }),
    { seed: 5, numRuns: 500 },
  );
});

test('whatever bytes come, they are frames or are refused, and nothing throws', () => {
  const frames = [...examples.values()];
  const mutant = fc.tuple(fc.constantFrom(...frames), fc.nat(60), fc.nat(255)).map(([frame, at, byte]) => {
    const bytes = Buffer.from(frame);
    bytes[at % bytes.length] = byte;
    return bytes;
  });
  const noise = fc.uint8Array({ maxLength: 64 }).map((bytes) => Buffer.from(bytes));
  fc.assert(
    fc.property(fc.array(fc.oneof(mutant, noise), { maxLength: 4 }), (parts) => {
      for (const frame of hear(...parts).frames) ok(frame.kind in frameType);
    }),
    { seed: 6, numRuns: 5_000 },
  );
});

test('refuses to say what PID 1 could not hear', () => {
  throws(() => encodeStart({ ...web, argv: ['a\0b'] }), TypeError);
  throws(() => encodeStart({ ...web, umask: -1 }), TypeError);
  throws(() => encodeStart({ ...web, uid: 2 ** 32 }), TypeError);
  throws(() => encodeSignal('web', identity, 256, 'process'), TypeError);
  throws(() => encodeFrame(1, 1, Buffer.alloc(8188)), RangeError);
  equal(encodeFrame(1, 1, Buffer.alloc(8187)).length, 8196);
});

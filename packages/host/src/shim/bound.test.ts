// What an enclave, a caller or a disk can make a shim hold or write is bounded, and who may ask it is this user or root.
import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import {
  closeSync,
  constants,
  mkdirSync,
  mkdtempSync,
  openSync,
  readFileSync,
  rmSync,
  statSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, test } from 'node:test';
import { createFakeKernel, fakeSpec, fakeState } from '@caisson/testkit/fake';
import fc from 'fast-check';
import { ConsoleRing } from '../backend/index.ts';
import { writeSpec } from '../record/index.ts';
import { BoundedFile } from './bounded-file.ts';
import { connectShim } from './client.ts';
import type { ShimEvent } from './client-interface.ts';
import { ConsoleKeeper } from './console-keeper.ts';
import { EventLog } from './event-log.ts';
import { parseAsk, parseHello } from './messages.ts';
import { Seldom } from './seldom.ts';
import { type ShimDesk, serveShim } from './server.ts';
import { StateKeeper } from './state-keeper.ts';
import { parseTold } from './told.ts';

let folder = '';
beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'c-bound-'));
});
afterEach(() => rmSync(folder, { recursive: true, force: true }));

const size = (path: string): number => statSync(path, { throwIfNoEntry: false })?.size ?? 0;

test('a file that is appended to keeps the newest bytes, and never more than twice its bound', () => {
  let name = 0;
  fc.assert(
    fc.property(fc.array(fc.uint8Array({ maxLength: 300 }), { maxLength: 20 }), (pieces) => {
      name += 1;
      const path = join(folder, String(name));
      const file = new BoundedFile({ path, maxBytes: 256, onTrouble: (error) => assert.fail(error) });
      for (const piece of pieces) {
        file.append(piece);
        assert.ok(size(path) <= 256 && size(`${path}.1`) <= 256);
      }
      file.close();
      const kept = Buffer.concat([
        size(`${path}.1`) > 0 ? readFileSync(`${path}.1`) : Buffer.of(),
        size(path) > 0 ? readFileSync(path) : Buffer.of(),
      ]);
      const all = Buffer.concat(pieces.map((piece) => Buffer.from(piece.subarray(-256))));
      assert.ok(all.subarray(-kept.length || all.length).equals(kept) || kept.length === 0);
      assert.ok(kept.length >= Math.min(all.length, 1));
    }),
    { seed: 8, numRuns: 50 },
  );
});

test('a file that cannot be written is told once, and again when it can', () => {
  const told: (string | undefined)[] = [];
  const path = join(folder, 'none/file');
  const file = new BoundedFile({
    path,
    maxBytes: 256,
    onTrouble: (error) => told.push((error as NodeJS.ErrnoException | undefined)?.code),
  });
  for (let time = 0; time < 3; time += 1) file.append(Buffer.from('x'));
  assert.deepEqual(told, ['ENOENT']);
  mkdirSync(join(folder, 'none'));
  file.append(Buffer.from('y'));
  assert.deepEqual(told, ['ENOENT', undefined]);
  assert.equal(readFileSync(path, 'utf8'), 'y');
  file.close();
});

test('a line that was cut does not take the next one with it', () => {
  const path = join(folder, 'lines');
  writeFileSync(path, '{"a":1}\n{"b":');
  const file = new BoundedFile({ path, maxBytes: 256, isOfLines: true, onTrouble: assert.fail });
  file.append(Buffer.from('{"c":3}\n'));
  file.append(Buffer.from('{"d":4}\n'));
  file.close();
  file.append(Buffer.from('{"e":5}\n'));
  file.close();
  assert.equal(readFileSync(path, 'utf8'), '{"a":1}\n{"b":\n{"c":3}\n{"d":4}\n{"e":5}\n');
});

test('what stands in the place of a file and is none holds up nobody: a pipe, a device, a link', () => {
  const paths = [join(folder, 'pipe'), join(folder, 'link'), '/dev/null'];
  spawnSync('mkfifo', [paths[0]!]);
  writeFileSync(join(folder, 'aim'), '');
  symlinkSync(join(folder, 'aim'), paths[1]!);
  const reader = openSync(paths[0]!, constants.O_RDONLY | constants.O_NONBLOCK);
  for (const path of paths) {
    const told: (Error | undefined)[] = [];
    const file = new BoundedFile({ path, maxBytes: 256, onTrouble: (error) => told.push(error) });
    file.append(Buffer.from('x'));
    assert.equal(told.length, 1, path);
  }
  closeSync(reader);
  const told: (Error | undefined)[] = [];
  new BoundedFile({ path: paths[0]!, maxBytes: 256, onTrouble: (error) => told.push(error) }).append(Buffer.from('x'));
  assert.equal(told.length, 1, 'without a reader');
  assert.equal(size(join(folder, 'aim')), 0);
});

test('of a flood of events the newest thousand are kept, and whoever reads slowly misses some and hears the end', async () => {
  const events = new EventLog({ enclave: 'web', path: join(folder, 'events.jsonl'), date: () => 0 });
  for (let index = 0; index < 3_000; index += 1)
    events.add('info', 'TEST', `\u001b[2J${index}`, { filler: 'x'.repeat(1_000) });
  events.end();
  const seen: ShimEvent[] = [];
  for await (const event of events.read({ sinceMs: 0, follow: true, signal: new AbortController().signal }))
    seen.push(event);
  assert.deepEqual([seen.length, seen[0]?.fields['seq'], seen.at(-1)?.fields['seq']], [1_000, 2_001, 3_000]);
  assert.equal(seen[0]?.message, '\\u001b[2J2000');
  for (const name of ['events.jsonl', 'events.jsonl.1']) assert.ok(size(join(folder, name)) <= 1 << 20);
});

/** A reader that has had the first piece, and takes no other yet. */
async function followConsole() {
  const ring = new ConsoleRing();
  const file = new BoundedFile({ path: join(folder, 'console.log'), maxBytes: 1 << 20, onTrouble: assert.fail });
  const keeper = new ConsoleKeeper(ring, file);
  const reading = keeper.read({ follow: true, signal: new AbortController().signal });
  ring.push(Buffer.from('first'));
  await reading.next();
  return { ring, file, keeper, reading };
}

test('a reader of the console that is far behind loses the beginning and costs a megabyte', async () => {
  const { ring, file, keeper, reading } = await followConsole();
  for (let index = 0; index < 400; index += 1) ring.push(Buffer.alloc(10_000, 97));
  ring.push(Buffer.from('last'));
  keeper.close();
  let bytes = 0;
  let last = '';
  for await (const piece of reading) {
    bytes += piece.length;
    last = Buffer.from(piece).toString();
  }
  assert.ok(bytes <= (1 << 20) + 10_000, `${bytes} bytes were held`);
  assert.equal(last, 'last');
  file.close();
});

test('a reader of the console that stands still holds a megabyte in few pieces, also where the enclave writes byte by byte', async () => {
  const { ring, file, keeper, reading } = await followConsole();
  const write = (count: number, size: number): void => {
    for (let index = 0; index < count; index += 1) ring.push(Buffer.alloc(size, 97 + (index % 26)));
  };
  write(5_000, 1);
  write(100, 11_000);
  write(5_000, 1);
  ring.push(Buffer.from('last'));
  keeper.close();
  file.close();
  const pieces: Uint8Array[] = [];
  for await (const piece of reading) pieces.push(piece);
  const held = Buffer.concat(pieces);
  assert.ok(held.length >= 1 << 19 && held.length <= 1 << 20, `${held.length} bytes were held`);
  assert.ok(pieces.length <= 1_024, `${pieces.length} pieces`);
  const kept = readFileSync(join(folder, 'console.log'));
  assert.ok(held.subarray(-5_004).equals(kept.subarray(-5_004)));
});

test('of a flood of phases sixty are told, one a second after them with the count of the others, and every end', async () => {
  let nowMs = 0;
  const date = (): number => nowMs;
  const events = new EventLog({ enclave: 'web', path: join(folder, 'events.jsonl'), date });
  await writeSpec(folder, fakeSpec('web'));
  const keeper = new StateKeeper(folder, fakeState('web', { phase: 'booting' }), events, date);
  const flap = (): void => {
    for (let at = 0; at < 5_000; at += 1) keeper.enter(at % 2 === 0 ? 'ready' : 'degraded');
  };
  flap();
  nowMs = 1_000;
  flap();
  keeper.enter('exited');
  events.end();
  await keeper.flush();
  const told: unknown[] = [];
  for await (const { fields } of events.read({ sinceMs: 0, follow: false, signal: new AbortController().signal }))
    told.push([fields['phase'], fields['untold']]);
  assert.deepEqual([told.length, told[0]], [62, ['ready', undefined]]);
  assert.deepEqual(told.slice(60), [
    ['ready', 4_940],
    ['exited', 4_999],
  ]);
});

test('what happens a thousand times is told once, with the first at once', () => {
  const told: [number, string][] = [];
  const seldom = new Seldom((count, latest) => told.push([count, latest]));
  for (let index = 0; index < 1_000; index += 1) seldom.hear(String(index));
  assert.deepEqual(told, [[1, '0']]);
});

test('another user is not answered, whatever the folder says', async () => {
  const kernel = createFakeKernel({ peerCredentials: () => ({ pid: 1, uid: 4_242, gid: 4_242 }) });
  const stranger = { ...kernel, hasAddon: true };
  const path = join(folder, 'shim.sock');
  const server = await serveShim(path, {} as ShimDesk, stranger);
  assert.equal(statSync(path).mode & 0o777, 0o600);
  await assert.rejects(connectShim(path, 'web'), { code: 'SHIM_LOST' });
  await server.close();
  assert.equal(await connectShim(path, 'web'), undefined);
});

test('any bytes are a message of a shim or one typed fault', () => {
  fc.assert(
    fc.property(
      fc.oneof(
        fc.uint8Array(),
        fc.json().map((text) => Buffer.from(text)),
      ),
      (bytes) => {
        for (const parse of [parseAsk, parseHello]) {
          try {
            parse(bytes);
          } catch (error) {
            assert.equal((error as { code?: string }).code, 'SHIM_PROTOCOL');
          }
        }
        parseTold(Buffer.from(bytes).toString());
      },
    ),
    { seed: 8, numRuns: 300 },
  );
});

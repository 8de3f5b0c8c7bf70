// Two who write into one place at once, step by step in turn: each ends with its own whole file or none.
import { deepEqual, equal, match, ok } from 'node:assert/strict';
import { type ChildProcess, spawn } from 'node:child_process';
import { createHash } from 'node:crypto';
import { once } from 'node:events';
import { mkdtempSync, readdirSync, readFileSync, rmSync, symlinkSync, utimesSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { type TestContext, test } from 'node:test';
import { Folder } from './folder.ts';
import { IncomingFile } from './incoming-file.ts';
import { sweepFolder } from './sweep.ts';

const sizeBytes = 400_000;
const pieceBytes = 100_000;
const terms = { sizeBytes, mode: 0o644, mtimeMs: 1, resume: true };

function folderOf(context: TestContext): { readonly root: string; readonly folder: Folder } {
  const root = mkdtempSync(join(tmpdir(), 'caisson-part-'));
  const folder = Folder.open(root);
  context.after(() => {
    folder.release();
    rmSync(root, { recursive: true });
  });
  return { root, folder };
}

const contents = (letter: string): Buffer => Buffer.alloc(sizeBytes, letter);
const digest = (bytes: Buffer): Uint8Array => createHash('sha256').update(bytes).digest();

/** A receiver in a process of its own: each line that it is told is one step, and it says what it has done. */
const receiver = `
import { createHash } from 'node:crypto';
import { createInterface } from 'node:readline';
import { Folder } from ${JSON.stringify(new URL('./folder.ts', import.meta.url).href)};
import { IncomingFile } from ${JSON.stringify(new URL('./incoming-file.ts', import.meta.url).href)};
import { sweepFolder } from ${JSON.stringify(new URL('./sweep.ts', import.meta.url).href)};
const [root, letter] = process.argv.slice(1);
const bytes = Buffer.alloc(${sizeBytes}, letter);
const folder = Folder.open(root);
let file;
const steps = {
  async open() {
    sweepFolder(folder);
    file = IncomingFile.open(folder, 'f', ${JSON.stringify(terms)});
    const kept = await file.readKept();
    // As the sender's answer says: what does not begin as his file does is not gone on with.
    if (!createHash('sha256').update(bytes.subarray(0, kept.bytes)).digest().equals(kept.sha256)) file.restart();
    return file.writtenBytes;
  },
  write: () => file.write(bytes.subarray(file.writtenBytes, file.writtenBytes + ${pieceBytes})),
  commit: () => file.commit(createHash('sha256').update(bytes).digest()),
  leave: () => file.leave(),
};
for await (const line of createInterface({ input: process.stdin })) console.log((await steps[line]()) ?? 'done');
`;

interface Driven {
  readonly child: ChildProcess;
  step(name: string): Promise<string>;
  kill(): Promise<void>;
}

function drive(context: TestContext, root: string, letter: string): Driven {
  const words = ['--conditions=caisson-source', '--input-type=module', '-e', receiver, root, letter];
  const child = spawn(process.execPath, words, { stdio: ['pipe', 'pipe', 'inherit'] });
  const kill = async (): Promise<void> => {
    if (child.exitCode !== null || child.signalCode !== null) return;
    child.kill('SIGKILL');
    await once(child, 'exit');
  };
  context.after(kill);
  return {
    child,
    kill,
    async step(name) {
      child.stdin?.write(`${name}\n`);
      const [answer] = await Promise.race([
        once(child.stdout!, 'data'),
        once(child, 'exit').then(([code]) => Promise.reject(new Error(`${name}: ended with ${code}`))),
      ]);
      return String(answer).trim();
    },
  };
}

test('two programs that resume into one target at once, in turn, each give it a whole file and leave nothing else', async (context) => {
  const { root, folder } = folderOf(context);
  // What a cut transfer of the first content has left is there for both.
  const cut = IncomingFile.open(folder, 'f', terms);
  cut.write(contents('a').subarray(0, pieceBytes));
  cut.leave();
  match(readdirSync(root).join(), /^\.caisson-part-[0-9a-f]{32}$/);
  const [one, other] = [drive(context, root, 'a'), drive(context, root, 'b')];
  equal(await one.step('open'), String(pieceBytes), 'the first goes on with it');
  equal(await other.step('open'), '0', 'and the second does not');
  for (let piece = 0; piece < 3; piece += 1) {
    await one.step('write');
    await other.step('write');
  }
  await one.step('commit');
  ok(readFileSync(join(root, 'f')).equals(contents('a')));
  await other.step('write');
  ok(readFileSync(join(root, 'f')).equals(contents('a')), 'a file that has its name is written no more');
  await other.step('commit');
  ok(readFileSync(join(root, 'f')).equals(contents('b')));
  deepEqual(readdirSync(root), ['f']);
});

test('two that are cut at once leave one part, which the next one goes on with', async (context) => {
  const { root } = folderOf(context);
  const [one, other] = [drive(context, root, 'a'), drive(context, root, 'a')];
  for (const driven of [one, other]) await driven.step('open');
  for (const driven of [one, other, other]) await driven.step('write');
  for (const driven of [one, other]) await driven.step('leave');
  equal(readdirSync(root).length, 1);
  equal(await one.step('open'), String(2 * pieceBytes));
  for (const name of ['write', 'write', 'commit']) await one.step(name);
  deepEqual(readdirSync(root), ['f']);
});

test('a part whose writer was killed is gone on with, and one whose writer lives is not', async (context) => {
  const { root } = folderOf(context);
  const [killed, next, third] = ['a', 'a', 'a'].map((letter) => drive(context, root, letter));
  await killed!.step('open');
  await killed!.step('write');
  await killed!.kill();
  equal(await next!.step('open'), String(pieceBytes));
  equal(await third!.step('open'), '0');
  for (const name of ['write', 'write', 'write', 'commit']) await next!.step(name);
  await third!.step('leave');
  deepEqual(readdirSync(root), ['f']);
});

test('in one program the second has a file of its own, and when it is cut nothing of it stays', async (context) => {
  const { root, folder } = folderOf(context);
  const [one, other] = [IncomingFile.open(folder, 'f', terms), IncomingFile.open(folder, 'f', terms)];
  for (let at = 0; at < sizeBytes; at += pieceBytes) {
    one.write(contents('a').subarray(at, at + pieceBytes));
    other.write(contents('b').subarray(at, at + pieceBytes));
  }
  other.leave();
  equal(readdirSync(root).length, 1, 'its temporary would stay for as long as the program lives');
  await one.commit(digest(contents('a')));
  ok(readFileSync(join(root, 'f')).equals(contents('a')));
  deepEqual(readdirSync(root), ['f']);
});

test('what stands under the name of a part and is no file is not written through; a part is forgotten after a day', (context) => {
  const { root, folder } = folderOf(context);
  const cut = IncomingFile.open(folder, 'f', terms);
  cut.write(Buffer.from('a'));
  cut.leave();
  const [part = ''] = readdirSync(root);
  rmSync(join(root, part));
  writeFileSync(join(root, 'victim'), 'its own');
  symlinkSync('victim', join(root, part));
  const file = IncomingFile.open(folder, 'f', terms);
  file.write(Buffer.from('b'));
  file.leave();
  equal(readFileSync(join(root, 'victim'), 'utf8'), 'its own');
  utimesSync(join(root, part), 1, 1);
  sweepFolder(folder);
  deepEqual(readdirSync(root), ['victim']);
});

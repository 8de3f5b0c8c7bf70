// The contract of backends where the kernel gives less than a room of many users: as root who may have but one; as root, whose services are shut into
// the image's root; as a user who has no right at all; and as root without any. Each in a process of its own, chosen by the simulator itself.
import { deepEqual } from 'node:assert/strict';
import { spawn, spawnSync } from 'node:child_process';
import { chmodSync, mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { after, type TestContext, test } from 'node:test';
import { type BackendImages, backendContract } from '@caisson/testkit/backend';
import { imageSkip, makeImages } from '../scenario/backend/image.ts';
import { asNobody, whyNotWithin, withoutMounts, withoutRights, withoutSpaces } from '../scenario/backend/plain.ts';

// Short, because sockets lie in it, and open for the user without privilege to read images.
const folder = mkdtempSync(join(tmpdir(), 'caisson-p-'));
chmodSync(folder, 0o711);
after(() => rmSync(folder, { recursive: true }));
const isRoot = process.getuid?.() === 0;
const entry = join(import.meta.dirname, '../scenario/backend/rootless-main.ts');

let made: Promise<BackendImages> | undefined;
function images(): Promise<BackendImages> {
  made ??= makeImages(folder);
  return made;
}

async function keepsContract(context: TestContext, within: readonly string[], state: string): Promise<void> {
  const words = [process.execPath, '--conditions=caisson-source', entry, state, JSON.stringify(await images())];
  const [program = '', ...before] = within;
  const child = spawn(program, [...before, ...words], {
    stdio: ['ignore', 'pipe', 'inherit'],
    env: { ...process.env, HOME: state },
    // Not longer than the test, whatever it hangs at.
    signal: context.signal,
    killSignal: 'SIGKILL',
  });
  child.once('error', () => {});
  const lines: { title: string; fault: string | null }[] = [];
  for await (const line of createInterface({ input: child.stdout })) lines.push(JSON.parse(line));
  deepEqual(
    lines.map(({ title, fault }) => [title, fault]),
    backendContract.map(({ title }) => [title, null]),
  );
}

const skipOf = (within: readonly string[]): string | false =>
  imageSkip || (!isRoot && 'needs root, to take rights from it') || whyNotWithin(within);
const chrooted = isRoot ? withoutSpaces(folder) : ['false'];
for (const [who, within, state] of [
  ['root who may make no namespace but with users, in a room of one', withoutMounts, 'one'],
  ['root, with services shut into the image’s root', chrooted, 'root'],
  ['root without any right, from a folder', withoutRights, 'bare'],
  ['a user without any right, from a folder', asNobody, 'user'],
] as const) {
  test(`where the kernel gives less than a room of many users the simulator keeps its contract as ${who}`, {
    skip: skipOf(within),
    timeout: 1_200_000,
  }, async (context) => {
    const at = join(folder, state);
    const owner = state === 'user' ? '65534' : '0';
    spawnSync('install', ['-d', '-m', '700', '-o', owner, '-g', owner, at]);
    await keepsContract(context, within, at);
  });
}

// What an operator has seen of an enclave keeps everything older out, whatever the parent shows him.
import { deepEqual, rejects } from 'node:assert/strict';
import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { type TestContext, test } from 'node:test';
import { noteSeenVersion } from './seen-version.ts';

type Versions = readonly [config: number | null, image: number | null];

function scene(context: TestContext) {
  const folder = mkdtempSync(join(tmpdir(), 'caisson-seen-'));
  context.after(() => rmSync(folder, { recursive: true }));
  const see = ([configVersion, imageVersion]: Versions, enclave = 'web'): Promise<void> =>
    noteSeenVersion({ XDG_CONFIG_HOME: folder }, enclave, { configVersion, imageVersion } as Parameters<
      typeof noteSeenVersion
    >[2]);
  const seen = (enclave = 'web') => {
    const text = readFileSync(join(folder, 'caisson/seen', `${enclave}.json`), 'utf8');
    const { configVersion, imageVersion } = JSON.parse(text);
    return [configVersion, imageVersion];
  };
  return { see, seen };
}

test('an older config or image than one that was seen is refused, and so is none at all', async (context) => {
  const { see, seen } = scene(context);
  await see([null, 3]);
  await see([7, 3]);
  for (const [older, message] of [
    [[6, 3], /at least config version 7, which was seen before, got 6$/],
    [[null, 3], /at least config version 7, which was seen before, got none$/],
    [[7, 2], /at least image version 3, which was seen before, got 2$/],
    [[8, null], /at least image version 3, which was seen before, got none$/],
  ] as const) {
    await rejects(see(older), { name: 'PolicyError', code: 'OPERATOR_ROLLBACK', message });
    deepEqual(seen(), [7, 3]);
  }
  await see([7, 4]);
  await see([1, 1], 'other');
  deepEqual(
    [seen(), seen('other')],
    [
      [7, 4],
      [1, 1],
    ],
  );
});

test('two commands at once keep the higher version, in whatever order they look', async (context) => {
  const { see, seen } = scene(context);
  const versions = [9, 8, 7, 6, 5, 4, 3, 2, 1];
  await Promise.allSettled(versions.map((version) => see([version, null])));
  deepEqual(seen(), [9, null]);
});

// Finding the addon, and a Kernel without one.
import { equal, ok, rejects, throws } from 'node:assert/strict';
import { cpSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { test } from 'node:test';
import { toCid, toVsockPort } from '@caisson/core/address';
import { createLinuxKernel } from './linux-kernel.ts';
import { loadAddon } from './load.ts';

const built = loadAddon({});
const skip = built.addon === undefined && `the addon is not built: ${built.reason}`;

function withFolder(body: (folder: string) => void): void {
  const folder = mkdtempSync(join(tmpdir(), 'caisson-load-'));
  try {
    body(folder);
  } finally {
    rmSync(folder, { recursive: true });
  }
}

test('the file beside the running bundle is taken before the one in the build folder', { skip }, () => {
  withFolder((folder) => {
    if (built.addon === undefined) return;
    cpSync(built.path, join(folder, 'caisson.node'));
    const loaded = loadAddon({}, folder);
    ok(loaded.addon !== undefined);
    equal(loaded.path, join(folder, 'caisson.node'));
    equal(typeof loaded.addon.placeholder, 'function');
  });
});

test('CAISSON_ADDON=off runs without the addon, and no value is a path', () => {
  const off = loadAddon({ CAISSON_ADDON: 'off' });
  equal(off.addon, undefined);
  for (const value of ['Off', '1', '/tmp/caisson.node', '../sanitize']) {
    throws(() => loadAddon({ CAISSON_ADDON: value }), {
      code: 'SYS_ADDON_SETTING',
      message: `CAISSON_ADDON must be off, sanitize or unset, got ${JSON.stringify(value)}`,
    });
  }
});

test('an absent addon is named with the places that were looked at', () => {
  withFolder((folder) => {
    const loaded = loadAddon({}, folder);
    ok(loaded.addon === undefined);
    ok(loaded.reason.includes(join(folder, 'caisson.node')), loaded.reason);
  });
});

test('a file that is no addon is reported with what the loader says of it', () => {
  withFolder((folder) => {
    writeFileSync(
      join(folder, 'caisson.node'),
      'not an ELF file, and long enough to have a header that is wrong in every byte',
    );
    const loaded = loadAddon({}, folder);
    ok(loaded.addon === undefined);
    ok(/invalid ELF header/.test(loaded.reason), loaded.reason);
    ok(loaded.cause instanceof Error);
  });
});

test('a Kernel without the addon refuses every call that needs it, with what to install', async () => {
  const kernel = createLinuxKernel({ loaded: loadAddon({ CAISSON_ADDON: 'off' }) });
  equal(kernel.hasAddon, false);
  const target = { cid: toCid(16), port: toVsockPort(5000) };
  const missing = (call: string) => (error: Error & { code?: string; hint?: string }) => {
    equal(error.code, 'SYS_ADDON_MISSING');
    equal(error.message, `${call} needs the native addon, which is not loaded: CAISSON_ADDON is off`);
    return /npm run build/.test(error.hint ?? '');
  };
  await rejects(kernel.vsockConnect(target), missing('vsockConnect'));
  await rejects(kernel.vsockListen(target), missing('vsockListen'));
  await rejects(kernel.openNsm(), missing('openNsm'));
  await rejects(kernel.bringUpLoopback(), missing('bringUpLoopback'));
  throws(() => kernel.localCid(), missing('localCid'));
  throws(() => kernel.createEngine(), missing('createEngine'));
});

// What a supervisor begins with: each measured file by its name, and INIT_CONFIG for the compiled init.yaml.
import { equal, rejects } from 'node:assert/strict';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { test } from 'node:test';
import { DEFAULT_INIT, writeMeasuredImage, writeMeasuredInit, writeMeasuredServices } from '@caisson/core/measured';
import { measuredImage } from '@caisson/testkit/boot';
import { readMeasured } from './read-measured.ts';

test('INIT_CONFIG names the compiled init.yaml; a file that is not there or has a fault is named', async (context) => {
  const folder = mkdtempSync(join(tmpdir(), 'caisson-measured-'));
  context.after(() => rmSync(folder, { recursive: true }));
  const write = (name: string, bytes: Uint8Array | string): string => {
    writeFileSync(join(folder, name), bytes);
    return join(folder, name);
  };
  write('image.json', writeMeasuredImage(measuredImage({ components: ['ready'] })));
  write('services.json', writeMeasuredServices({ v: 1, services: [] }));
  await rejects(readMeasured(folder), { message: /measured file .*init\.json/ });
  write('init.json', writeMeasuredInit({ ...DEFAULT_INIT, logDir: '/usual' }));
  const other = write('other.json', writeMeasuredInit({ ...DEFAULT_INIT, logDir: '/other' }));
  equal((await readMeasured(folder)).init.logDir, '/usual');
  equal((await readMeasured(folder, other)).init.logDir, '/other');
  await rejects(readMeasured(folder, join(folder, 'nowhere.json')), { message: /measured file .*nowhere\.json/ });
  await rejects(readMeasured(folder, write('bad.json', '{"v":1}')), { code: /^MEASURED_/ });
});

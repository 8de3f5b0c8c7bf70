// One holder at a time, in one process and between several, and none for ever.
import assert from 'node:assert/strict';
import { type ChildProcess, fork, spawnSync } from 'node:child_process';
import { createHash } from 'node:crypto';
import { once } from 'node:events';
import { existsSync, mkdtempSync, readdirSync, readFileSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, test } from 'node:test';
import { readProcessStart, withLock } from './index.ts';

let folder = '';
beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'caisson-lock-'));
});
afterEach(() => rmSync(folder, { recursive: true }));

test('lets one in at a time, within a process', async () => {
  let inside = 0;
  let most = 0;
  await Promise.all(
    Array.from({ length: 8 }, () =>
      withLock(join(folder, 'lock'), async () => {
        inside += 1;
        most = Math.max(most, inside);
        await new Promise(setImmediate);
        inside -= 1;
      }),
    ),
  );
  assert.equal(most, 1);
  assert.deepEqual(readdirSync(folder), []);
});

test('lets one in at a time, between processes: 4 x 25 increments of a number in a file are all counted', async () => {
  writeFileSync(join(folder, 'count'), '0');
  const source = `
    import { readFileSync, writeFileSync } from 'node:fs';
    import { withLock } from ${JSON.stringify(new URL('./index.ts', import.meta.url).href)};
    const file = ${JSON.stringify(join(folder, 'count'))};
    for (let n = 0; n < 25; n += 1)
      await withLock(${JSON.stringify(join(folder, 'lock'))}, async () => {
        const seen = Number(readFileSync(file, 'utf8'));
        await new Promise(setImmediate);
        writeFileSync(file, String(seen + 1));
      }, { timeoutMs: 60_000 });
  `;
  const script = join(folder, 'child.mjs');
  writeFileSync(script, source);
  const children: ChildProcess[] = Array.from({ length: 4 }, () =>
    fork(script, { execArgv: ['--conditions=caisson-source'] }),
  );
  const ends = await Promise.all(children.map((child) => once(child, 'exit')));
  assert.deepEqual(ends, Array(4).fill([0, null]));
  assert.equal(readFileSync(join(folder, 'count'), 'utf8'), '100');
});

test('takes over what a dead process left, also when its pid lives again as another process', async () => {
  const { pid } = spawnSync('true');
  for (const left of [`${pid} 1 aa\n`, `${process.pid} 1 aa\n`, 'rubbish', '']) {
    writeFileSync(join(folder, 'lock'), left);
    assert.equal(await withLock(join(folder, 'lock'), async () => 'in'), 'in');
  }
  assert.deepEqual(readdirSync(folder), []);
});

test('a process of the boot before is no process of this one, whoever has its pid and its ticks by now', async () => {
  const path = join(folder, 'lock');
  const [ticks, boot] = (await readProcessStart(process.pid)).split('-');
  if (boot !== undefined) {
    writeFileSync(path, `${process.pid} ${ticks}-${boot === '00000000' ? '11111111' : '00000000'} aa\n`);
    assert.equal(await withLock(path, async () => 'in', { timeoutMs: 0 }), 'in');
  }
  // What a program wrote that knew no boots is believed by its ticks: it may still run.
  writeFileSync(path, `${process.pid} ${ticks} aa\n`);
  await assert.rejects(
    withLock(path, async () => 'in', { timeoutMs: 0 }),
    { code: 'FILE_LOCKED' },
  );
});

test('lets one in at a time, and nobody wait for ever, where many find what a dead process left', async () => {
  const path = join(folder, 'lock');
  for (let round = 0; round < 6; round += 1) {
    writeFileSync(path, `${spawnSync('true').pid} 1 ${round}\n`);
    let [inside, most] = [0, 0];
    const one = async (): Promise<void> => {
      inside += 1;
      most = Math.max(most, inside);
      await new Promise(setImmediate);
      inside -= 1;
    };
    await Promise.all(Array.from({ length: 12 }, () => withLock(path, one, { timeoutMs: 5_000 })));
    assert.equal(most, 1);
  }
  assert.deepEqual(readdirSync(folder), []);
});

test('takes over from one that died while it took over', async () => {
  const path = join(folder, 'lock');
  const [left, claimer] = [`${spawnSync('true').pid} 1 aa\n`, `${spawnSync('true').pid} 1 bb\n`];
  writeFileSync(path, left);
  const claim = createHash('sha256').update(left).digest('hex').slice(0, 16);
  writeFileSync(`${path}.${claim}`, claimer);
  assert.equal(await withLock(path, async () => 'in', { timeoutMs: 0 }), 'in');
  assert.deepEqual(readdirSync(folder), []);
});

test('leaves alone what another holds by now, and neither waits for a link to nothing for ever nor goes through it', async () => {
  const path = join(folder, 'lock');
  const other = `${process.ppid} 1 aa\n`;
  await withLock(path, async () => writeFileSync(path, other));
  assert.equal(readFileSync(path, 'latin1'), other);
  rmSync(path);
  symlinkSync(join(folder, 'nothing'), path);
  await assert.rejects(
    withLock(path, async () => {}, { timeoutMs: 20 }),
    { code: 'FILE_LOCKED' },
  );
});

test('says who holds the lock when the time is up, and frees it when the holder fails', async () => {
  const path = join(folder, 'lock');
  const held = withLock(path, async () => {
    await assert.rejects(
      withLock(path, async () => {}, { timeoutMs: 20 }),
      {
        code: 'FILE_LOCKED',
        message: new RegExp(`process ${process.pid} holds it`),
      },
    );
    throw new Error('failed inside');
  });
  await assert.rejects(held, /failed inside/);
  assert.ok(!existsSync(path));
});

test('whoever waits for it may be called off, and leaves nothing', async () => {
  const path = join(folder, 'lock');
  const calling = new AbortController();
  await withLock(path, async () => {
    const waiting = withLock(path, async () => assert.fail('let in'), { signal: calling.signal });
    calling.abort(new Error('called off'));
    await assert.rejects(waiting, /called off/);
    assert.deepEqual(readdirSync(folder).length, 2);
  });
  assert.deepEqual(readdirSync(folder), []);
});

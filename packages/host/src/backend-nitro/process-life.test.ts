// Whether a process is gone is not guessed: a crowd of connections takes every descriptor of a shim, and /proc cannot be read then.
import { deepEqual, equal } from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import { test } from 'node:test';
import { readProcessStart } from '../file/index.ts';
import { awaitGone, readLife } from './process-life.ts';

const at = (path: string): string => JSON.stringify(new URL(path, import.meta.url).href);

test('without a descriptor left nobody is taken for dead, and whoever is waited for is waited for', () => {
  const source = `
    import { closeSync, openSync } from 'node:fs';
    import { awaitGone, isGoneWithin, readLife } from ${at('./process-life.ts')};
    import { readProcessStart } from ${at('../file/process-start.ts')};
    const own = readLife(process.pid);
    const all = [];
    try { for (;;) all.push(openSync('/dev/null')); } catch {}
    const codeOf = async (ask) => { try { return await ask(); } catch (error) { return error.code; } };
    const said = [
      await codeOf(() => readLife(process.pid)),
      await codeOf(() => readProcessStart(process.pid)),
      await isGoneWithin(process.pid, own, 20, 5),
      await Promise.race([
        awaitGone(process.pid, own, 5).then(() => 'gone'),
        new Promise((resolve) => setTimeout(resolve, 50, 'waits')),
      ]),
    ];
    for (const fd of all) closeSync(fd);
    process.stdout.write(JSON.stringify(said), () => process.exit());
  `;
  const words = ['--conditions=caisson-source', '--input-type=module', '-e', source];
  const { stdout, stderr } = spawnSync('sh', ['-c', 'ulimit -n 40 && exec "$0" "$@"', process.execPath, ...words], {
    encoding: 'utf8',
    timeout: 60_000,
  });
  equal(stderr, '');
  deepEqual(JSON.parse(stdout), ['EMFILE', 'EMFILE', false, 'waits']);
});

test('a process that never was is gone, and one that is there is not', async () => {
  const none = 2 ** 22 + 1;
  deepEqual([readLife(none), await readProcessStart(none)], [undefined, '']);
  await awaitGone(none, 'any', 5);
  equal(readLife(process.pid), (await readProcessStart(process.pid)).split('-')[0]);
});

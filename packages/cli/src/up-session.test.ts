// What a signal leaves of bringing up, as whoever has typed it is told.
import { deepEqual } from 'node:assert/strict';
import { PassThrough } from 'node:stream';
import { test } from 'node:test';
import { showUp } from './up-session.ts';

test('a signal while an image is built has started nothing, later it leaves what was started, and each is said', async () => {
  const said = async (phase: 'build' | 'boot') => {
    const stop = new AbortController();
    const stderr = new PassThrough();
    const { code } = await showUp(
      { stdout: new PassThrough(), stderr, stop: stop.signal, env: {} },
      true,
      async (tell) => {
        tell({ kind: 'begin', enclave: 'a', phase });
        stop.abort('SIGINT');
        throw new Error('given up');
      },
    );
    return [code, String(stderr.read()).split(/[:\n]/)[0]];
  };
  deepEqual(await said('build'), [130, 'stopped before anything was started']);
  deepEqual(await said('boot'), [130, 'stopped waiting']);
});

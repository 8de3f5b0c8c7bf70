// Programs of the machine: their lines, their ends, and that they do not stay behind.
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { runProgram } from './run-program.ts';

const open = () => {
  const said: string[] = [];
  const stop = new AbortController();
  const say = (line: string): void => void said.push(line);
  return { said, stop, world: { folder: '/', env: { PATH: '/usr/bin:/bin' }, stop: stop.signal, say } };
};
const shell = ['-c', 'echo one; printf "two\\033[31m" >&2'] as const;

test('passes every line on, the last without its end too, and no byte of it as an order to the terminal', async () => {
  const { said, world } = open();
  await runProgram('/bin/sh', shell, world);
  assert.deepEqual(said.sort(), ['one', 'two\\u001b[31m']);
  await runProgram('/bin/sh', shell, world, { isQuiet: true });
  assert.equal(said.length, 2);
});

test('a program that is not there, fails, is killed or takes too long is told apart', async () => {
  const { world } = open();
  const table: readonly (readonly [program: string, script: string, RegExp])[] = [
    ['no-such-program', '', /^no-such-program -c +ENOENT$/],
    ['/bin/sh', 'echo why; exit 4', /ended with 4: why$/],
    ['/bin/sh', 'kill -TERM $$', /ended with SIGTERM$/],
    ['/bin/sh', 'exec sleep 60', /took longer than 100 ms$/],
  ];
  for (const [program, script, message] of table) {
    const run = runProgram(program, ['-c', script], world, { deadlineMs: script.includes('sleep') ? 100 : 60_000 });
    await assert.rejects(run, { code: 'RBUILDS_PROGRAM', message });
  }
});

test('does not outlive whoever asked for it', async () => {
  const { said, stop, world } = open();
  const run = runProgram('/bin/sh', ['-c', 'echo $$; exec sleep 60'], {
    ...world,
    say: (line) => {
      said.push(line);
      stop.abort('SIGINT');
    },
  });
  await assert.rejects(run, (reason) => reason === 'SIGINT');
  assert.throws(() => process.kill(Number(said[0]), 0), { code: 'ESRCH' });
});

// The tree of commands: whole for whoever asks what there is, and of one command for whoever has named it.
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { hear } from '@caisson/testkit/program';
import type { Command } from 'commander';
import { createProgram } from './program.ts';
import { run } from './run.ts';

const grow = (...words: readonly string[]): Promise<Command> =>
  createProgram(
    {
      ...{ stdin: process.stdin, stdout: process.stdout, stderr: process.stderr, env: {}, name: 'caisson' },
      ...{ stop: new AbortController().signal, onReload: () => {} },
    },
    words,
  );

/** The help of a command and of all below it. */
const helpOf = (command: Command): string[] => [command.helpInformation(), ...command.commands.flatMap(helpOf)];

test('a command that is named is declared alone, and says and takes what it does among all', async () => {
  const whole = await grow();
  assert.ok(whole.commands.length > 40);
  for (const command of whole.commands) {
    const { commands } = await grow(command.name(), '--help');
    assert.deepEqual(
      commands.map((one) => one.name()),
      [command.name()],
    );
    assert.deepEqual(helpOf(commands[0]!), helpOf(command));
  }
});

test('whatever is no command meets them all: help, a typing error, no word', async () => {
  const names = (await grow()).commands.map((one) => one.name());
  for (const words of [['help', 'ps'], ['--help'], [], ['pss'], ['constructor'], ['__proto__']]) {
    const { commands } = await grow(...words);
    assert.deepEqual(
      commands.map((one) => one.name()),
      names,
    );
  }
  assert.deepEqual((await grow('-V', 'ps')).commands, []);
  assert.match((await hear(run, ['-V', 'ps'])).out, /^\d+\.\d+\.\d+\n$/);
  const wrong = await hear(run, ['pss']);
  assert.equal(wrong.code, 64);
  assert.match(wrong.err, /unknown command 'pss'\n\(Did you mean .*ps/);
  // An option behind a command is that command's, whichever command it is.
  for (const command of ['ps', 'service', 'compose']) {
    const { code, err } = await hear(run, [command, '--version']);
    assert.deepEqual([code, /unknown option '--version'/.test(err)], [64, true], command);
  }
});

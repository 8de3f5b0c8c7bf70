// One job on a spot instance that is there for it alone:
//
//   look    everything is read, checked, packed and looked up; nothing is made, nothing costs anything
//   make    key pair, security group, instance
//   use     wait for ssh, prepare, ship, run, fetch
//   remove  always: at the end, after a failure at any step, and after an interruption at any step, unless the instance is to be kept
//
// An interruption ends waits, ssh and scp at once and lets a call of aws come to its end; removing is not interrupted any more.
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { OnOutput } from '../child.ts';
import { type Aws, createAws } from './aws.ts';
import { howToRemove, type Made, removeAll } from './cleanup.ts';
import { whyGone } from './instance.ts';
import { makeInstance, type SpotTerms } from './make.ts';
import { createRemote, quoteWord } from './remote.ts';
import { createRunId, type RunId } from './run-id.ts';
import { useInstance } from './use.ts';

export interface SpotRun extends SpotTerms {
  /** Of the command on the instance, as it comes. */
  readonly onOutput: OnOutput;
}

/** Resolves with the command's exit code; 1 when it was not run, its results are missing, or something is left. Rejects with `stop.reason`. */
export async function runOnSpot(options: SpotRun): Promise<number> {
  const { settings, env, stop, say, onOutput } = options;
  const run = createRunId();
  const aws = createAws(env, settings.region);
  const folder = mkdtempSync(join(tmpdir(), 'caisson-spot-'));
  const made: Made = { keyPair: false, group: 'no', instance: 'no' };
  let login: readonly string[] | undefined;
  let code = 1;
  try {
    const { id, address, keys, archive } = await makeInstance({ ...options, run, aws, folder, made });
    const remote = createRemote({ address, alias: run.name, keys, env, stop, onOutput });
    login = remote.login;
    code = await useInstance({ settings, remote, archive, stop, say, whyGone: () => whyGone(aws, id) });
  } catch (error) {
    if (!stop.aborted) say(`FAILED: ${(error as Error).message}`);
  }
  if (settings.keepInstance && typeof made.instance === 'object') {
    say(`KEPT: the instance of ${run.name} costs money until you end it:`);
    if (login !== undefined)
      say(`  ${login.map((word) => (/^[\w@.:/=+-]+$/.test(word) ? word : quoteWord(word))).join(' ')}`);
    for (const { command } of howToRemove(run, made)) say(`  ${command}`);
    say(`  rm -r ${folder}`);
  } else {
    const isClean = await remove(run, aws, made, options);
    rmSync(folder, { recursive: true, force: true });
    if (!isClean) code ||= 1;
  }
  stop.throwIfAborted();
  return code;
}

async function remove(run: RunId, aws: Aws, made: Made, { settings, say }: SpotRun): Promise<boolean> {
  if (!made.keyPair && made.group === 'no' && made.instance === 'no') return true;
  say('cleaning up');
  const left = await removeAll({ aws, run, made, pollMs: settings.pollMs, say });
  for (const { what, command, fault } of left) say(`LEFT BEHIND: ${what}: ${fault}\n  ${command}`);
  if (left.length === 0) say('nothing is left in the account');
  return left.length === 0;
}

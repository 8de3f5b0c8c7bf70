// Whoever is killed, and whenever: nothing of it stays, and the same command brings everything up again. The program itself, its shim, the real PID 1
// and supervisor in the simulator.
import { deepEqual, equal, ok } from 'node:assert/strict';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, before, test } from 'node:test';
import { setTimeout as pause } from 'node:timers/promises';
import { readProcessStart } from '@caisson/host/file';
import { type RecordedState, readState } from '@caisson/host/record';
import { laneFigure } from '@caisson/testkit/contract';
import { buildFolder } from '../scenario/backend/image.ts';
import { programSkip as skip, startProgram, termsIn } from '../scenario/engine/program.ts';
import { childrenOf, leftOf } from '../scenario/engine/traces.ts';

// Short, because sockets lie in it.
const folder = mkdtempSync(join(tmpdir(), 'caisson-chaos-'));
const at = (name: string): string => join(folder, name);
const state = at('s');
if (skip) console.error(`chaos: SKIPPED, NOBODY WAS KILLED: ${skip}`);
const name = 'victim';
const terms = termsIn(folder);
const start = (...words: string[]) => startProgram(words, terms);

before(async () => {
  if (skip !== false) return;
  writeFileSync(at('bzImage'), 'a kernel of few words');
  const main = "require('node:http').createServer((ask, answer) => answer.end()).listen(3000, '127.0.0.1');";
  const yaml = `name: ${name}\nprofile: development\noperators: { local: dev }\nready: { tcp: 3000 }\n`;
  await buildFolder(at('app'), at('bzImage'), { 'main.js': main, 'caisson.yaml': yaml }, terms.env);
  writeFileSync(at('caisson.yaml'), `name: ${name}\nimage: { eif: app.eif }\nbackend: sim\n`);
});
after(async () => {
  if (skip === false) await start('down', '--all').ended;
  rmSync(folder, { recursive: true, force: true });
});

/** Processes of every enclave that was ready, with when they began. Inside nothing bears the name of the state folder. */
const known = new Map<number, string>();

async function nothingLeft(why: string): Promise<void> {
  deepEqual(await leftOf(state), [], why);
  for (const [pid, began] of known) ok((await readProcessStart(pid)) !== began, `${why}: process ${pid} still runs`);
  known.clear();
}

async function up(why: string): Promise<RecordedState> {
  const { code, all } = await start('up').ended;
  equal(code, 0, `${why}: ${all}`);
  const now = await readState(state, name);
  ok(now !== undefined && now.phase === 'ready', `${why}: ${now?.phase}\n${all}`);
  for (const pid of now.pids) known.set(pid, await readProcessStart(pid));
  return now;
}

/** Numbers that follow from a seed. */
function createDice(seed: number): (bound: number) => number {
  let now = seed;
  return (bound) => {
    now = (Math.imul(now, 1_103_515_245) + 12_345) >>> 0;
    return (now >>> 8) % bound;
  };
}

const victims = ['up', 'shim', 'enclave', 'supervisor', 'down', 'helper'] as const;
// Chosen: longer than `up` takes on a machine with time, so that some come after it.
const longestPauseMs = 1_500;

/** Gives what was killed, for the message of a failure. */
async function strike(victim: (typeof victims)[number], dice: (bound: number) => number): Promise<string> {
  const delayMs = dice(longestPauseMs);
  if (victim === 'up' || victim === 'down') {
    if (victim === 'down') await up('before down');
    const { child, ended } = start(victim);
    await Promise.race([pause(delayMs), ended]);
    child.kill('SIGKILL');
    await ended;
    return `${victim} after ${delayMs} ms`;
  }
  const isEarly = dice(2) === 0;
  const { ended } = start('up');
  if (isEarly) await Promise.race([pause(delayMs), ended]);
  else await ended;
  const pid = await pidOf(victim);
  if (pid !== undefined) kill(pid);
  await ended;
  return `${victim} ${pid} ${isEarly ? `after ${delayMs} ms` : 'when ready'}`;
}

async function pidOf(victim: 'shim' | 'enclave' | 'helper' | 'supervisor'): Promise<number | undefined> {
  const now = await readState(state, name);
  const [init, helper] = now?.pids ?? [];
  if (victim === 'shim') return now?.shim.pid;
  if (victim === 'enclave') return init;
  if (victim === 'helper') return helper;
  return init === undefined ? undefined : childrenOf(init).find(({ command }) => command.includes('supervise'))?.pid;
}

function kill(pid: number): void {
  try {
    process.kill(pid, 'SIGKILL');
  } catch {
    // It has ended by itself.
  }
}

test('shim, command, supervisor or enclave killed at random: up converges, down leaves nothing', {
  skip,
  timeout: 3_600_000,
}, async () => {
  const dice = createDice(7);
  for (let round = 0; round < laneFigure('R-chaos'); round += 1) {
    // Each in turn at first, so that a short run meets all of them.
    const victim = victims[round < victims.length ? round : dice(victims.length)]!;
    const before = `round ${round}: ${await strike(victim, dice)}`;
    await up(before);
    if (round % victims.length !== victims.length - 1) continue;
    const { code, all } = await start('down').ended;
    equal(code, 0, `${before}: ${all}`);
    await nothingLeft(before);
  }
  equal((await start('down').ended).code, 0);
  await nothingLeft('at the end');
});

test('a supervisor that is killed comes back, and the enclave with its services is the same one', {
  skip,
  timeout: 120_000,
}, async () => {
  const before = await up('at first');
  const supervisor = await pidOf('supervisor');
  ok(supervisor !== undefined, 'an enclave that is ready has a supervisor');
  kill(supervisor);
  const now = await up('without its supervisor');
  deepEqual([now.pids, now.cid], [before.pids, before.cid]);
  ok((await pidOf('supervisor')) !== supervisor);
});

test('up and down again and again leave no process, mount, socket or file', { skip, timeout: 1_200_000 }, async () => {
  for (let cycle = 0; cycle < laneFigure('F-up-down'); cycle += 1) {
    await up(`cycle ${cycle}`);
    const { code, all } = await start('down').ended;
    equal(code, 0, `cycle ${cycle}: ${all}`);
  }
  await nothingLeft('at the end');
});

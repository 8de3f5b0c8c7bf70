// What the simulator does where the kernel gives no room, as JSON: what it says, how a wish for a room is refused, and what is left of an enclave
// with a process that has left its parents and its session, however it ends.
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { existsSync, readdirSync, readFileSync } from 'node:fs';
import { setTimeout as pause } from 'node:timers/promises';
import type { RunningEnclave } from '@caisson/host/backend';
import { createSimBackend } from '@caisson/host/backend-sim';

const [state = '', image = '', mark = '', isHost] = process.argv.slice(2);
const backend = createSimBackend({ state });
const start = (): Promise<RunningEnclave> =>
  backend.start({ name: 'plain', image, cid: 40, memoryMiB: 64, cpus: { count: 1 } });
// Chosen.
const goneMs = 60_000;

if (isHost !== undefined) {
  const { pids } = await start();
  process.stdout.write(`${JSON.stringify(pids)}\n`);
  // Not longer than whoever is to kill it.
  process.stdin.resume().once('end', () => process.exit());
} else {
  process.stdout.write(JSON.stringify(await look()));
}

async function look(): Promise<object> {
  const wished = createSimBackend({ state, wish: 'room' });
  const refusal = await wished.start({ name: 'room', image, memoryMiB: 64, cpus: { count: 1 } }).then(
    () => null,
    ({ code, message, hint }: { code?: string; message: string; hint?: string }) => ({ code, message, hint }),
  );
  const hasMade = existsSync(state);
  const first = await start();
  const { departures, console } = first;
  await running(2);
  const stopped = await first.stop();
  const left = [processes().length];
  for (const which of [0, 1]) {
    const { pids, ended } = await start();
    await running(2);
    process.kill(pids[which]!, 'SIGKILL');
    await ended;
    left.push(processes().length);
  }
  const words = process.argv.slice(1).filter((word) => word !== process.execPath);
  const host = spawn(process.execPath, ['--conditions=caisson-source', ...words, 'host'], {
    stdio: ['pipe', 'pipe', 'inherit'],
  });
  await once(host.stdout, 'data');
  await running(2);
  host.kill('SIGKILL');
  await running(0);
  await backend.endLeft?.('plain');
  return {
    missing: await backend.findMissing(),
    wished: await wished.findMissing(),
    refusal,
    hasMade,
    departures,
    differences: backend.describeDifferences(),
    stopped,
    console: console.tail(),
    left,
    files: readdirSync(`${state}/run`, { recursive: true, encoding: 'utf8' }).sort(),
  };
}

/** Until that many processes of the enclave are there. */
async function running(count: number): Promise<void> {
  for (const untilMs = performance.now() + goneMs; processes().length !== count; await pause(5)) {
    if (performance.now() > untilMs) throw new Error(`${processes().join(', ')} run, and ${count} should`);
  }
}

function processes(): string[] {
  return readdirSync('/proc').filter((pid) => {
    if (!/^[0-9]+$/.test(pid) || Number(pid) === process.pid) return false;
    try {
      return readFileSync(`/proc/${pid}/cmdline`, 'latin1').endsWith(`\0${mark}\0`);
    } catch {
      return false;
    }
  });
}

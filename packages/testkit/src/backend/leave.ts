// Whom a backend refuses, and what it leaves behind: nothing, whoever dies.
import { deepEqual, equal, match, notEqual, ok, rejects } from 'node:assert/strict';
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { setTimeout as pause } from 'node:timers/promises';
import { type BackendPromise, type BackendScene, isAlive, specOf, traces } from './scene.ts';

// Chosen: the kernel takes a moment to end a namespace.
const goneMs = 60_000;

export const leavePromises: readonly BackendPromise[] = [
  {
    title:
      'runs two enclaves at once, refuses a cid that is taken with the name of who has it, and gives no cid twice in a row',
    async run(scene) {
      const first = await scene.backend.start(specOf(scene, 'waits', { name: 'first' }));
      const second = await scene.backend.start(specOf(scene, 'waits', { name: 'second' }));
      try {
        notEqual(first.cid, second.cid);
        await rejects(scene.backend.start(specOf(scene, 'waits', { cid: first.cid })), {
          code: 'BACKEND_CID',
          message: new RegExp(`^cid ${first.cid} must be free, enclave first of process ${process.pid} has it$`),
        });
        ok(first.pids.every(isAlive));
      } finally {
        await Promise.all([first.kill(), second.kill()]);
      }
      const third = await scene.backend.start(specOf(scene, 'waits'));
      await third.kill();
      ok(third.cid !== first.cid && third.cid !== second.cid);
    },
  },
  {
    title: 'refuses more memory or cpus than the machine has before anything is made',
    async run(scene) {
      for (const change of [{ memoryMiB: 2 ** 30 }, { cpus: { count: 4_096 } }]) {
        await rejects(scene.backend.start(specOf(scene, 'waits', change)), {
          code: 'BACKEND_CAPACITY',
          name: 'LimitError',
        });
      }
      for (const change of [{ memoryMiB: 0 }, { cpus: { ids: [] } }, { name: 'No' }, { cid: 3 }]) {
        await rejects(scene.backend.start(specOf(scene, 'waits', change)), { name: 'TypeError' });
      }
    },
  },
  {
    title: 'refuses an image that measures anything else than was asked for, and leaves nothing',
    async run(scene) {
      const enclave = await scene.backend.start(specOf(scene, 'waits'));
      const { measurements } = enclave;
      await enclave.kill();
      const before = traces(scene);
      for (const register of ['PCR0', 'PCR1', 'PCR2'] as const) {
        const other = { ...measurements, [register]: 'ab'.repeat(48) };
        await rejects(scene.backend.start(specOf(scene, 'waits', { measurements: other })), {
          name: 'VerificationError',
          code: 'BACKEND_MEASUREMENTS',
          message: new RegExp(
            `^${register} of image .* must be (ab){48}, as enclave waits was asked for, got [0-9a-f]{96}$`,
          ),
        });
      }
      deepEqual(traces(scene), before);
      await (await scene.backend.start(specOf(scene, 'waits', { measurements }))).kill();
    },
  },
  {
    title: 'refuses an image that its memory cannot hold, and leaves nothing',
    async run(scene) {
      const before = await tracesOfAll(scene);
      const small = scene.backend.start(specOf(scene, 'hello', { memoryMiB: scene.tooSmallMiB, bootMs: 20_000 }));
      // A backend that cannot tell beforehand how much an image needs fails at the boot.
      await rejects(small, ({ code }: { code?: string }) => /^BACKEND_(CAPACITY|BOOT|LATE)$/.test(code ?? ''));
      deepEqual(traces(scene), before);
    },
  },
  {
    title: 'leaves no process, mount, socket, file or group after up and down, again and again',
    async run(scene) {
      const before = await tracesOfAll(scene);
      for (let cycle = 0; cycle < scene.cycles; cycle += 1) {
        const enclave = await scene.backend.start(specOf(scene, cycle % 3 === 2 ? 'exits' : 'waits'));
        if (cycle % 3 === 0) await enclave.kill();
        else if (cycle % 3 === 1) await enclave.stop();
        await enclave.ended;
      }
      deepEqual(traces(scene), before);
    },
  },
  {
    title: 'ends with the process that started it, killed as it may be, and the next start removes its files',
    async run(scene) {
      const before = await tracesOfAll(scene);
      const cid = 77;
      const [program = '', ...words] = scene.hostProgram(cid);
      const host = spawn(program, words, { stdio: ['ignore', 'pipe', 'inherit'] });
      const [line] = (await once(host.stdout, 'data')) as [Buffer];
      const pids = JSON.parse(line.toString()) as number[];
      ok(pids.length > 0 && pids.every(isAlive));
      const gone = once(host, 'close');
      host.kill('SIGKILL');
      await gone;
      for (const untilMs = performance.now() + goneMs; pids.some(isAlive); ) {
        ok(performance.now() < untilMs, `processes ${pids.join(', ')} of a host that was killed still run`);
        await pause(10);
      }
      const enclave = await scene.backend.start(specOf(scene, 'exits', { cid }));
      equal(enclave.cid, cid);
      await enclave.ended;
      deepEqual(traces(scene), before);
    },
  },
  {
    title: 'says what it lacks here, and how its enclaves differ from hardware',
    async run({ backend }) {
      deepEqual(await backend.findMissing(), []);
      const [first = ''] = backend.describeDifferences();
      match(first, /^SIMULATED/);
    },
  },
];

const used = new WeakSet<BackendScene>();

/** Those of whatever ran before: the first enclave of a state folder makes what stays there for the next ones. */
async function tracesOfAll(scene: BackendScene): Promise<string[]> {
  if (!used.has(scene)) await (await scene.backend.start(specOf(scene, 'waits'))).kill();
  used.add(scene);
  return traces(scene);
}

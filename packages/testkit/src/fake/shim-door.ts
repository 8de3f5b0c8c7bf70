// Shims without processes: each enclave goes through the phases that the test gives it, records are real files of a state folder, and this process
// passes for every shim.
import type { ShimDoor } from '@caisson/host/engine';
import { readProcessStart } from '@caisson/host/file';
import { ENDED_PHASES, type EnclavePhase, type RecordedState, readSpec, writeState } from '@caisson/host/record';
import { fakeState } from './enclave-record.ts';
import { createFakeShim, type FakeShim } from './shim-client.ts';

export interface FakeDoor extends ShimDoor {
  /** `start web`, `stop web`, `restart web`, in their order. */
  readonly done: string[];
  /** Phases of the next starts, by enclave; the last one stays. Default: ready. */
  readonly scripts: Map<string, readonly (EnclavePhase | Partial<RecordedState>)[]>;
  /** What a start throws, by enclave. */
  readonly refusals: Map<string, Error>;
  shimOf(name: string): FakeShim | undefined;
  /** As kill -9 of the shim. */
  lose(name: string): void;
}

export function createFakeDoor(): FakeDoor {
  const shims = new Map<string, FakeShim>();
  const done: string[] = [];
  const scripts: FakeDoor['scripts'] = new Map();
  const refusals: FakeDoor['refusals'] = new Map();
  let nextCid = 16;
  let boots = 0;

  async function play(state: string, name: string, shim: FakeShim): Promise<void> {
    boots += 1;
    const base = {
      ...shim.state,
      cid: nextCid++,
      bootId: String(boots).padStart(32, '0'),
      startedAt: new Date().toISOString(),
    };
    for (const step of scripts.get(name) ?? ['starting', 'booting', 'services', 'ready']) {
      const changes: Partial<RecordedState> = typeof step === 'string' ? { phase: step } : step;
      const now = { ...base, ...changes };
      shim.state = now;
      await writeState(state, now);
      const { phase, reasons } = now;
      const seq = (shim as unknown as { seq?: number }).seq ?? 0;
      Object.assign(shim, { seq: seq + 1 });
      const event = {
        time: new Date().toISOString(),
        level: 'info',
        code: 'ENCLAVE_PHASE',
        message: phase,
        enclave: name,
      } as const;
      shim.say({ ...event, fields: { seq: seq + 1, phase, reasons } });
    }
  }

  return {
    done,
    scripts,
    refusals,
    shimOf: (name) => shims.get(name),
    lose(name) {
      shims.delete(name);
    },
    async start({ state, name }) {
      done.push(`start ${name}`);
      const refusal = refusals.get(name);
      if (refusal !== undefined) throw refusal;
      const spec = await readSpec(state, name);
      if (spec === undefined) throw new TypeError(`no spec of ${name}`);
      const start = await readProcessStart(process.pid);
      const fresh = fakeState(name, { phase: 'starting', backend: spec.backend, vsock: 'fabric:/nowhere' });
      const shim = createFakeShim({ ...fresh, shim: { ...fresh.shim, start } });
      const end = async (word: string): Promise<RecordedState> => {
        done.push(`${word} ${name}`);
        const { end: before } = shim.state;
        const text = before?.text ?? 'ended with 0';
        shim.state = { ...shim.state, phase: 'stopped', end: { at: fresh.since, exit: 0, byHost: false, text } };
        await writeState(state, shim.state);
        shims.delete(name);
        shim.end();
        return shim.state;
      };
      shim.stop = () => end('stop');
      shim.kill = () => end('kill');
      shim.restart = async () => {
        done.push(`restart ${name}`);
        await play(state, name, shim);
        return shim.state;
      };
      shims.set(name, shim);
      await play(state, name, shim);
      return shim;
    },
    async open(_, name) {
      const shim = shims.get(name);
      return shim !== undefined && !ENDED_PHASES.includes(shim.state.phase) ? shim : undefined;
    },
    async endLeft({ name }) {
      done.push(`end left ${name}`);
    },
  };
}

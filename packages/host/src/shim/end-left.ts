// Ends what a killed shim has left running, and records it as stopped. Starts nothing.

import { describeEnd } from '../backend/end.ts';
import type { Backend, BackendKind } from '../backend/index.ts';
import { withLock } from '../file/index.ts';
import { openEnclaveFolder, readSpec, readState, writeState } from '../record/index.ts';

export interface EndLeftOptions {
  readonly state: string;
  readonly name: string;
  openBackend(kind: BackendKind): Backend | Promise<Backend>;
}

/** Does nothing where nothing is left. Throws LimitError FILE_LOCKED while a shim lives, and what ending throws. */
export async function endLeft({ state, name, openBackend }: EndLeftOptions): Promise<void> {
  const spec = await readSpec(state, name);
  if (spec === undefined) return;
  const folder = await openEnclaveFolder(state, name);
  await withLock(
    folder.shimPid,
    async () => {
      const backend = await openBackend(spec.backend);
      const ended = (await backend.endLeft?.(name)) ?? 0;
      const last = await readState(state, name);
      if (last?.phase !== 'lost') return;
      const at = new Date().toISOString();
      const text = describeEnd({ kind: 'died', byHost: true });
      const end = ended === 0 ? last.end : { at, exit: null, byHost: true, text };
      await writeState(state, { ...last, phase: 'stopped', since: at, pids: [], reasons: [], end });
    },
    { timeoutMs: 500 },
  );
}

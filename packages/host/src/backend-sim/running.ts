// A simulated enclave from its start to its end: who ended it, and that nothing is left before anybody hears of the end.
import { type ConsoleRing, type EnclaveEnd, readEnd, STANDARD_GRACE_MS, type Undo } from '../backend/index.ts';
import type { Room } from './room.ts';

export interface RunningRoom {
  readonly ended: Promise<EnclaveEnd>;
  stop(graceMs?: number): Promise<EnclaveEnd>;
  kill(): Promise<EnclaveEnd>;
}

export function watchEnd(room: Room, console: ConsoleRing, undo: Undo): RunningRoom {
  let byHost = false;
  const ended = room.ended.then(async (): Promise<EnclaveEnd> => {
    await undo.run();
    return readEnd(new TextDecoder().decode(console.bytes), byHost);
  });
  const kill = (): Promise<EnclaveEnd> => {
    byHost = true;
    room.kill();
    return ended;
  };
  return {
    ended,
    kill,
    async stop(graceMs = STANDARD_GRACE_MS) {
      room.signal('SIGTERM');
      const timer = setTimeout(kill, graceMs);
      const end = await ended;
      clearTimeout(timer);
      return end;
    },
  };
}

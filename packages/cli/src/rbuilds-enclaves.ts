// The way of rbuilds to enclaves: the engine of this process, and consoles as `caisson console` shows them.
import { Writable } from 'node:stream';
import type { RbuildsEnclaves } from '@caisson/host/rbuilds';
import { openNitroVerbs } from './nitro-verb-session.ts';
import type { Surroundings } from './surroundings.ts';

export async function openRbuildsEnclaves(
  surroundings: Surroundings,
  say: (line: string) => void,
): Promise<RbuildsEnclaves> {
  const { env, stop } = surroundings;
  return {
    ...(await openNitroVerbs({ env }, say)),
    async attach(name, { follow, write }) {
      const { openEnclaveSource } = await import('./enclave-source.ts');
      const { showConsole } = await import('./console-session.ts');
      const sink = (take: (text: string) => void): Writable =>
        new Writable({
          decodeStrings: false,
          write(piece, _, done) {
            take(String(piece));
            done();
          },
        });
      const [stdout, stderr] = [sink(write), sink((text) => say(text.trimEnd()))];
      const console = { follow, disconnectMs: undefined };
      await showConsole(await openEnclaveSource({ env }), name, { stdout, stderr, stop }, console);
      // A signal ends the whole run, not only the console.
      stop.throwIfAborted();
    },
  };
}

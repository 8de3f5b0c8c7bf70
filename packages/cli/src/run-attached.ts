// `caisson run` in the foreground, once its enclave is ready: its console here until it ends, and its end when this command is asked to end.
import type { Engine } from '@caisson/host/engine';
import { showConsole } from './console-session.ts';
import { openEnclaveSource } from './enclave-source.ts';
import { endedCode } from './ended-by.ts';
import { EXIT_FAILED } from './exit-code.ts';
import type { Surroundings } from './surroundings.ts';

// Chosen: for as long as anybody can mean.
const longestMs = 2 ** 31 - 1;

/** The enclave's own exit code where somebody saw it, else 1; 128 and the signal where that ended it. */
export async function stayWith(engine: Engine, name: string, surroundings: Surroundings): Promise<number> {
  const { stderr, stop } = surroundings;
  const source = await openEnclaveSource(surroundings);
  stderr.write(`${name}: its console follows; Ctrl-C ends it\n`);
  // Without one that may be read, there is its end to wait for.
  await showConsole(source, name, surroundings, { follow: true, disconnectMs: undefined }).catch((error: Error) => {
    if (!stop.aborted) stderr.write(`${name}: ${error.message}\n`);
  });
  if (!stop.aborted) {
    const command = { verb: 'wait', name, until: 'ended', timeoutMs: longestMs } as const;
    const ended = await engine.execute(command, { signal: stop }).catch((error: unknown) => {
      if (!stop.aborted) throw error;
      return undefined;
    });
    if (ended !== undefined) {
      const { phase, end } = ended.state;
      stderr.write(`${name}: ${phase}, ${end?.text ?? 'nobody saw how'}\n`);
      return end?.exit ?? EXIT_FAILED;
    }
  }
  stderr.write(`${name}: is asked to end\n`);
  await engine.execute({ verb: 'stop', names: [name] });
  return endedCode(stop);
}

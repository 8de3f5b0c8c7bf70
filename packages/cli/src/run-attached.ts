// `caisson run` in the foreground, once its enclave is ready: what it says here until it ends, and its end when this command is asked to end. Services
// are heard over the control channel where it was proven; else there is its console, where one may be read.
import type { Engine, UpOutcome } from '@caisson/host/engine';
import { showConsole } from './console-session.ts';
import { openControlSession } from './control-flag.ts';
import { openEnclaveSource } from './enclave-source.ts';
import { endedCode } from './ended-by.ts';
import { EXIT_FAILED } from './exit-code.ts';
import { harmlessText } from './harmless.ts';
import { showLogs } from './log-session.ts';
import type { Surroundings } from './surroundings.ts';

// Chosen: for as long as anybody can mean.
const longestMs = 2 ** 31 - 1;
const shownLines = 200;
const justMs = 1_000;

/** The enclave's own exit code where somebody saw it, else 1; 128 and the signal where that ended it. */
export async function stayWith(
  engine: Engine,
  { name, verdict }: Pick<UpOutcome, 'name' | 'verdict'>,
  surroundings: Surroundings,
): Promise<number> {
  const { stderr, stop } = surroundings;
  const proven = verdict?.holds === true ? verdict : undefined;
  stderr.write(`${name}: ${proven !== undefined ? 'its logs follow' : 'its console follows'}; Ctrl-C ends it\n`);
  await (proven !== undefined ? follow(name, proven.operator, surroundings) : watchConsole(name, surroundings)).catch(
    async (error: Error) => {
      // Even without its output there is its end to wait for. One that has just ended broke nothing: it was faster than whoever asked for its lines.
      const ended = await waitForEnd(engine, name, justMs);
      if (stop.aborted) return;
      stderr.write(
        ended === undefined
          ? `${name}: no more of its lines can be read: ${harmlessText(error.message)}\n`
          : `${name}: ended before its lines were read, which leave it only while it runs\n` +
              `  hint: have it stay (its own service), then caisson exec ${name} -- COMMAND shows what a command says\n`,
      );
    },
  );
  if (!stop.aborted) {
    const command = { verb: 'wait', name, until: 'ended', timeoutMs: longestMs } as const;
    const ended = await engine.execute(command, { signal: stop }).catch((error: unknown) => {
      if (!stop.aborted) throw error;
      return undefined;
    });
    if (ended !== undefined) {
      const { phase, end } = ended.state;
      stderr.write(`${name}: ${phase}, ${harmlessText(end?.text ?? 'nobody saw how')}\n`);
      return end?.exit ?? EXIT_FAILED;
    }
  }
  stderr.write(`${name}: is asked to end\n`);
  await engine.execute({ verb: 'stop', names: [name] });
  return endedCode(stop);
}

/** Of an enclave that has ended by itself before it was proven: a command that fails at once ends with the code that it has a second later too. */
export async function codeOfEnded(
  engine: Pick<Engine, 'execute'>,
  { name, failure }: Pick<UpOutcome, 'name' | 'failure'>,
  code: number,
): Promise<number> {
  if (failure?.code !== 'ENGINE_ENDED') return code;
  // Asked of one that has ended, this comes back at once.
  const ended = await waitForEnd(engine, name, 1);
  // An end with 0 is no success of what could not be proven.
  return ended?.state.end?.exit || code;
}

function waitForEnd(engine: Pick<Engine, 'execute'>, name: string, timeoutMs: number) {
  return engine.execute({ verb: 'wait', name, until: 'ended', timeoutMs }).catch(() => undefined);
}

async function follow(name: string, operator: string, surroundings: Surroundings): Promise<number> {
  const { createControlInitClient } = await import('@caisson/link/control');
  return await showLogs(await openEnclaveSource(surroundings), name, surroundings, {
    follow: true,
    json: false,
    hostOnly: false,
    sinceMs: 0,
    tail: shownLines,
    service: undefined,
    // An enclave in the foreground ends with its shim.
    whenLost: 'end',
    openSession: async () => createControlInitClient(await openControlSession(name, { operator }, surroundings)),
  });
}

async function watchConsole(name: string, surroundings: Surroundings): Promise<number> {
  const source = await openEnclaveSource(surroundings);
  return await showConsole(source, name, surroundings, { follow: true, disconnectMs: undefined });
}

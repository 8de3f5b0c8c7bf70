// The engine: takes one command and passes it to the verb of its name.

import { stateFolder } from '../file/index.ts';
import { listRecords } from '../record/index.ts';
import { endLeftEnclave, openShim, startShim } from '../shim/index.ts';
import type { EngineCommand, EngineVerb } from './command.ts';
import { compare } from './compare.ts';
import type { EngineContext } from './context.ts';
import { down, remove, stop } from './end.ts';
import type { Engine, EngineOptions, EngineWatch } from './engine-interface.ts';
import type { OnEvent } from './event.ts';
import { inspect } from './inspect.ts';
import { prune } from './prune.ts';
import { restart } from './restart.ts';
import type { EngineResults } from './result.ts';
import { run } from './run.ts';
import { up } from './up.ts';
import { wait } from './wait.ts';

type Verbs = {
  readonly [Verb in EngineVerb]: (
    command: Extract<EngineCommand, { readonly verb: Verb }>,
    context: EngineContext,
  ) => Promise<EngineResults[Verb]>;
};

const verbs: Verbs = {
  up,
  run,
  down,
  stop,
  restart,
  remove,
  inspect,
  wait,
  compare,
  prune,
  list: (_, { state }) => listRecords(state),
};

export function createEngine({
  env,
  words,
  version,
  shims = { start: startShim, open: openShim, endLeft: endLeftEnclave },
  host,
}: EngineOptions): Engine {
  const state = stateFolder(env);
  const execute = async (
    command: EngineCommand,
    { onEvent = () => {}, signal }: EngineWatch = {},
  ): Promise<EngineResults[EngineVerb]> => {
    // Each verb takes the command of its own name; TypeScript cannot express that of a map.
    const act = verbs[command.verb] as (
      command: EngineCommand,
      context: EngineContext,
    ) => Promise<EngineResults[EngineVerb]>;
    const held: (() => Promise<void>)[] = [];
    const context = { state, env, variables: env, words, version, shims, host, onEvent: eachNoteOnce(onEvent), signal };
    try {
      return await act(command, { ...context, hold: (release) => void held.push(release) });
    } finally {
      for (const release of held) await release();
    }
  };
  return { state, execute: execute as Engine['execute'] };
}

/** A note that is true of several enclaves is shown once. */
function eachNoteOnce(onEvent: OnEvent): OnEvent {
  const told = new Set<string>();
  return (event) => {
    if (event.kind === 'note' && event.level === 'warn') {
      if (told.has(event.text)) return;
      told.add(event.text);
    }
    onEvent(event);
  };
}

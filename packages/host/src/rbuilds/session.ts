// One run of rbuilds: lines come in, stages run, the first that fails is named. Toggles live here; each stage gets the settings as they
// are when it starts.
import { parseRbuildsLine, type RbuildsAction, refuse } from './command.ts';
import { runEnclaveLine } from './enclave-line.ts';
import { renderHelp } from './help.ts';
import { runProgram } from './run-program.ts';
import { runStage } from './run-stage.ts';
import type { RbuildsSettings } from './settings.ts';
import type { RbuildsWorld, Stages } from './world.ts';

export interface RbuildsSession {
  readonly settings: RbuildsSettings;
  /** Resolves with `end` for `exit` and `break`. Throws CaissonError RBUILDS_*. */
  run(line: string): Promise<'done' | 'end'>;
}

export function createRbuildsSession(start: RbuildsSettings, stages: Stages, world: RbuildsWorld): RbuildsSession {
  let settings = start;
  return {
    get settings() {
      return settings;
    },
    async run(line) {
      const parsed = parseRbuildsLine(line);
      if (parsed === null) return 'done';
      if (parsed === undefined) {
        if (!settings.localShell) throw refuse(`there is no command ${JSON.stringify(line.trim().slice(0, 80))}`);
        await runProgram('/bin/sh', ['-c', line], world);
        return 'done';
      }
      const { action, dockerfile } = parsed;
      if (action.kind === 'end') return 'end';
      if (action.kind === 'toggle') {
        const before = settings;
        const isOn = !before[action.key];
        settings = { ...before, [action.key]: isOn };
        try {
          world.say(`${action.key}: ${isOn ? 'on' : 'off'}`);
        } catch (error) {
          // A terminal that cannot be opened must not be spoken to again.
          settings = before;
          throw error;
        }
        return 'done';
      }
      const asked = dockerfile === undefined ? settings : { ...settings, dockerfile };
      await act(action, line, asked, stages, world);
      return 'done';
    },
  };
}

async function act(
  action: Exclude<RbuildsAction, { kind: 'end' | 'toggle' }>,
  line: string,
  settings: RbuildsSettings,
  stages: Stages,
  world: RbuildsWorld,
): Promise<void> {
  if (action.kind === 'text') {
    for (const one of renderHelp(action.text, settings, world)) world.say(one);
  } else if (action.kind === 'idle') world.say(`${line.trim()}: nothing to do: ${action.why}`);
  else if (action.kind === 'enclave') await runEnclaveLine(line.trim(), action.step, settings, world);
  else {
    for (const name of action.stages) {
      world.stop.throwIfAborted();
      if (settings.question && !settings.yes && !(await world.ask(`run make_${name}?`))) {
        world.say(`make_${name}: left out`);
        continue;
      }
      await runStage(name, stages[name], settings, world);
    }
  }
}

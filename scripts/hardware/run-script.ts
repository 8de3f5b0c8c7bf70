// What both scripts for one machine are around their work: variables, the right user, signals as one `stop`, and the exit code: the work's own, 64 for
// variables that do not hold, 128 plus the number of a signal.
import { type MachineSettings, runAsRoot } from './machine.ts';
import { signalsOf } from './signal.ts';
import { VariableError } from './variable.ts';

type Env = Readonly<Record<string, string | undefined>>;

export interface Script<Settings> {
  readonly name: string;
  read(env: Env, note: (line: string) => void): Settings;
  /** Gives the exit code. */
  work(settings: Settings, stop: AbortSignal, note: (line: string) => void): Promise<number>;
}

export async function runScript<Settings extends MachineSettings>(script: Script<Settings>): Promise<void> {
  const note = (line: string): void => void process.stderr.write(`${script.name}: ${line}\n`);
  // A terminal that has gone must not keep anything from being cleaned up.
  for (const stream of [process.stdout, process.stderr]) stream.on('error', () => {});
  try {
    const settings = script.read(process.env, note);
    const code = runAsRoot(settings, process.env);
    if (code !== undefined) process.exit(code);
    const { stop, exitCodeOf } = signalsOf(note);
    try {
      process.exitCode = await script.work(settings, stop, note);
    } catch (error) {
      if (!stop.aborted) throw error;
      process.exitCode = exitCodeOf();
    }
  } catch (error) {
    if (!(error instanceof VariableError)) throw error;
    note(error.message);
    process.exitCode = 64;
  }
}

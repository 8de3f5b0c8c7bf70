// `nitro-smoke.sh`. Exit: 0 everything held; 1 something did not; 64 variables that do not hold; 128 plus the number of a signal.
import { runAsRoot } from '../machine.ts';
import { signalsOf } from '../signal.ts';
import { VariableError } from '../variable.ts';
import { runSmoke } from './run.ts';
import { readSmokeSettings } from './settings.ts';

const note = (line: string): void => void process.stderr.write(`nitro-smoke: ${line}\n`);
const say = (line: string): void => void process.stdout.write(`${line}\n`);
for (const stream of [process.stdout, process.stderr]) stream.on('error', () => {});

try {
  const settings = readSmokeSettings(process.env, note);
  const code = runAsRoot(settings, process.env);
  if (code !== undefined) process.exit(code);
  const { stop, exitCodeOf } = signalsOf(note);
  try {
    process.exitCode = await runSmoke({ settings, env: process.env, stop, say });
  } catch (error) {
    if (!stop.aborted) throw error;
    process.exitCode = exitCodeOf();
  }
} catch (error) {
  if (!(error instanceof VariableError)) throw error;
  note(error.message);
  process.exitCode = 64;
}

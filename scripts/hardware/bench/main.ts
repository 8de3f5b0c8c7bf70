// `nitro-bench.sh`. Exit: 0 measured, whatever the figures are; 1 something failed; 64 variables that do not hold; 128 plus the number of a signal.
import { runAsRoot } from '../machine.ts';
import { signalsOf } from '../signal.ts';
import { VariableError } from '../variable.ts';
import { runBench } from './run.ts';
import { readBenchSettings } from './settings.ts';

const note = (line: string): void => void process.stderr.write(`nitro-bench: ${line}\n`);
const print = (text: string): void => void process.stdout.write(text);
for (const stream of [process.stdout, process.stderr]) stream.on('error', () => {});

try {
  const settings = readBenchSettings(process.env, note);
  const code = runAsRoot(settings, process.env);
  if (code !== undefined) process.exit(code);
  const { stop, exitCodeOf } = signalsOf(note);
  try {
    await runBench({ settings, env: process.env, stop, note, print });
  } catch (error) {
    if (!stop.aborted) note(`FAILED: ${(error as Error).message}`);
    process.exitCode = stop.aborted ? exitCodeOf() : 1;
  }
} catch (error) {
  if (!(error instanceof VariableError)) throw error;
  note(error.message);
  process.exitCode = 64;
}

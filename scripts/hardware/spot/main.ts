// `aws-spot-nitro-smoke.sh` and `aws-spot-nitro-bench.sh`: reads the variables, passes signals on as one `stop`, and gives the exit code: the command's
// own, 1 where it did not come to that, 64 for variables that do not hold, 128 plus the number of a signal.
import type { OnOutput } from '../child.ts';
import { home } from '../home.ts';
import { signalsOf } from '../signal.ts';
import { VariableError } from '../variable.ts';
import { runOnSpot } from './run.ts';
import { readSpotSettings, type SpotJob } from './settings.ts';

const job = process.argv[2] as SpotJob;
const say = (line: string): void => void process.stderr.write(`aws-spot: ${line}\n`);
// A terminal that has gone must not keep anything from being cleaned up.
for (const stream of [process.stdout, process.stderr]) stream.on('error', () => {});

const { stop, exitCodeOf } = signalsOf((line) => say(line));
try {
  const settings = readSpotSettings(job, process.env, say);
  const onOutput: OnOutput = (bytes, stream) => void process[stream].write(bytes);
  process.exitCode = await runOnSpot({ settings, env: process.env, home, stop, say, onOutput });
} catch (error) {
  if (stop.aborted) process.exitCode = exitCodeOf();
  else if (error instanceof VariableError) {
    say(error.message);
    process.exitCode = 64;
  } else throw error;
}

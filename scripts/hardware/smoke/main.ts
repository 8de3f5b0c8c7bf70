// `nitro-smoke.sh`. Exit: 0 everything held; 1 something did not; 64 variables that do not hold; 128 plus the number of a signal.
import { runScript } from '../run-script.ts';
import { runSmoke } from './run.ts';
import { readSmokeSettings } from './settings.ts';

const say = (line: string): void => void process.stdout.write(`${line}\n`);

await runScript({
  name: 'nitro-smoke',
  read: readSmokeSettings,
  work: async (settings, stop) => await runSmoke({ settings, env: process.env, stop, say }),
});

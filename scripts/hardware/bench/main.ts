// `nitro-bench.sh`. Exit: 0 measured, whatever the figures are; 1 something failed; 64 variables that do not hold; 128 plus the number of a signal.
import { runScript } from '../run-script.ts';
import { runBench } from './run.ts';
import { readBenchSettings } from './settings.ts';

const print = (text: string): void => void process.stdout.write(text);

await runScript({
  name: 'nitro-bench',
  read: readBenchSettings,
  async work(settings, stop, note) {
    try {
      await runBench({ settings, env: process.env, stop, note, print });
      return 0;
    } catch (error) {
      if (stop.aborted) throw error;
      note(`FAILED: ${(error as Error).message}`);
      return 1;
    }
  },
});

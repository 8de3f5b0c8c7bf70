// A shim in a process of its own with enclaves that outlive it, to be killed at one of its steps: `shim NAME --tell 3`, as startShim says it.
// CAISSON_TEST_KILL is `STEP:N`, the N-th time that it comes there.
import { closeSync, writeSync } from 'node:fs';
import { describeStart, endLeft, runShim } from '@caisson/host/shim';
import { createLinuxKernel } from '@caisson/sys';
import { createLastingBackend } from './lasting-backend.ts';

const [, name = ''] = process.argv.slice(2);
const state = process.env['CAISSON_STATE'] ?? '';
const [fatal, times] = (process.env['CAISSON_TEST_KILL'] ?? ':0').split(':');
const stop = new AbortController();
process.on('SIGTERM', () => stop.abort('SIGTERM'));
let seen = 0;
const say = (error?: unknown): void => {
  writeSync(3, describeStart(error));
  closeSync(3);
};
const backend = createLastingBackend(state);
try {
  if (process.argv.includes('--end')) {
    await endLeft({ state, name, openBackend: () => backend });
    say();
    process.exit(0);
  }
  await runShim({
    state,
    name,
    version: '0.1.0',
    kernel: createLinuxKernel(),
    openBackend: () => backend,
    stop: stop.signal,
    onUp: () => say(),
    onStep(step) {
      if (step === fatal) seen += 1;
      if (step === fatal && seen === Number(times)) process.kill(process.pid, 'SIGKILL');
    },
  });
} catch (error) {
  say(error);
  throw error;
}

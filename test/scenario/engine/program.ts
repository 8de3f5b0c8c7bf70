// The program in a process of its own, with a state folder and a configuration of the test's; and why nothing of it can run here.
import { join } from 'node:path';
import { type ProcessTerms, programWords, type StartedProcess, startProcess } from '@caisson/testkit/program';
import { simulatorSkip } from '../backend/simulator-skip.ts';

/** For the `skip` of a test that brings up an enclave in the simulator. */
export const programSkip: string | false = simulatorSkip;

/** `cwd`, its state folder and configuration are all in `folder`, whose name must be short: sockets lie in it. */
export function termsIn(folder: string): { readonly cwd: string; readonly env: NodeJS.ProcessEnv } {
  const own = { CAISSON_STATE: join(folder, 's'), XDG_CONFIG_HOME: join(folder, 'config'), CAISSON_VSOCK: undefined };
  return { cwd: folder, env: { ...process.env, ...own } };
}

export function startProgram(words: readonly string[], terms: ProcessTerms, name = 'caisson'): StartedProcess {
  return startProcess([...programWords(name), ...words], terms);
}

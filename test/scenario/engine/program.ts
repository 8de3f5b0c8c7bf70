// The program as it is installed, in a process of its own, with a state folder and a configuration of the test's; and why nothing of it can run here.
import { existsSync } from 'node:fs';
import { join } from 'node:path';
import { type ProcessTerms, type StartedProcess, startProcess } from '@caisson/testkit/program';
import { simulatorSkip } from '../backend/simulator-skip.ts';

const bin = join(import.meta.dirname, '../../../packages/cli/bin');
const isBuilt = existsSync(join(bin, '../dist/main/caisson.js'));

/** For the `skip` of a test that brings up an enclave in the simulator. */
export const programSkip: string | false = simulatorSkip || (!isBuilt && 'not built');

/** `cwd`, its state folder and configuration are all in `folder`, whose name must be short: sockets lie in it. */
export function termsIn(folder: string): { readonly cwd: string; readonly env: NodeJS.ProcessEnv } {
  const own = { CAISSON_STATE: join(folder, 's'), XDG_CONFIG_HOME: join(folder, 'config'), CAISSON_VSOCK: undefined };
  return { cwd: folder, env: { ...process.env, ...own } };
}

export function startProgram(words: readonly string[], terms: ProcessTerms, name = 'caisson'): StartedProcess {
  return startProcess([process.execPath, join(bin, `${name}.js`), ...words], terms);
}

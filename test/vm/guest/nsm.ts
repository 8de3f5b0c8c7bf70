// Runs `caisson nsm ...` of the host program in the enclave, where /dev/nsm is what it finds without being told: each a process
// of its own, with what it printed and how it ended. COMMANDS names those to run, in their order; all unless it is set.
import { spawnSync } from 'node:child_process';
import { readFileSync } from 'node:fs';
import { documentFile, type NsmCommandName, nsmCommands } from './nsm-command.ts';
import { report } from './report.ts';

export interface CommandOutcome {
  readonly status: number | null;
  readonly stdout: string;
  readonly stderr: string;
}

export interface NsmOutcome {
  readonly commands: Readonly<Record<NsmCommandName, CommandOutcome>>;
  /** Base64, as `attest --out` left it. */
  readonly document: string;
}

// Chosen: a start takes two or three seconds here.
const commandMs = 120_000;

await report(async () => {
  const chosen = process.env['COMMANDS']?.split(' ');
  const commands: Record<string, CommandOutcome> = {};
  for (const [name, words] of Object.entries(nsmCommands)) {
    if (chosen?.includes(name) === false) continue;
    const { status, stdout, stderr } = spawnSync(process.execPath, ['/app/caisson/caisson.mjs', 'nsm', ...words], {
      encoding: 'utf8',
      timeout: commandMs,
      // Half of a start is compiling.
      env: { ...process.env, NODE_COMPILE_CACHE: '/tmp/compiled' },
    });
    commands[name] = { status, stdout, stderr };
  }
  return { commands, document: readFileSync(documentFile, 'base64') };
});

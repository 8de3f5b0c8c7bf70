// What a run leaves for whoever fetches it: what was said, and the logs of both sides.
import { chownSync, copyFileSync, existsSync, mkdirSync, readdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';

export interface Results {
  readonly resultsDir: string;
  /** Of the run. */
  readonly folder: string;
  readonly said: readonly string[];
  readonly env: NodeJS.ProcessEnv;
}

export function keepResults({ resultsDir, folder, said, env }: Results): void {
  mkdirSync(resultsDir, { recursive: true });
  writeFileSync(join(resultsDir, 'report.txt'), `${said.join('\n')}\n`);
  for (const name of ['host.log', 'console.log', 'config.json']) {
    if (existsSync(join(folder, name))) copyFileSync(join(folder, name), join(resultsDir, name));
  }
  giveBack(resultsDir, env);
}

/** To whoever called sudo. */
export function giveBack(folder: string, env: NodeJS.ProcessEnv): void {
  const [uid, gid] = [Number(env['SUDO_UID']), Number(env['SUDO_GID'])];
  if (process.getuid?.() !== 0 || !Number.isSafeInteger(uid) || !Number.isSafeInteger(gid)) return;
  for (const name of ['.', ...readdirSync(folder)]) chownSync(join(folder, name), uid, gid);
}

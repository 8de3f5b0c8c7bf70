// What a run leaves for whoever fetches it: what was said, and the logs of both sides. As root it writes where a user has said, so that it goes through no
// link that somebody has put there, and gives back what it has made and nothing else.
import { existsSync, lchownSync, mkdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { dirname, join, resolve } from 'node:path';

type Environment = Readonly<Record<string, string | undefined>>;

export interface Results {
  readonly resultsDir: string;
  /** Of the run. */
  readonly folder: string;
  readonly said: readonly string[];
  readonly env: Environment;
}

export function keepResults({ resultsDir, folder, said, env }: Results): void {
  makeResultsFolder(resultsDir, env);
  writeResult(join(resultsDir, 'report.txt'), `${said.join('\n')}\n`, env);
  for (const name of ['host.log', 'console.log', 'config.json']) {
    if (existsSync(join(folder, name))) writeResult(join(resultsDir, name), readFileSync(join(folder, name)), env);
  }
}

export function makeResultsFolder(folder: string, env: Environment): void {
  const first = mkdirSync(folder, { recursive: true });
  if (first === undefined) return;
  for (let made = resolve(folder); made.length >= first.length; made = dirname(made)) giveBack(made, env);
}

/** In the place of whatever is called so. */
export function writeResult(path: string, content: string | Uint8Array, env: Environment): void {
  rmSync(path, { force: true });
  writeFileSync(path, content, { flag: 'wx' });
  giveBack(path, env);
}

/** To whoever called sudo. */
function giveBack(path: string, env: Environment): void {
  const [uid, gid] = [Number(env['SUDO_UID']), Number(env['SUDO_GID'])];
  if (process.getuid?.() === 0 && Number.isSafeInteger(uid) && Number.isSafeInteger(gid)) lchownSync(path, uid, gid);
}

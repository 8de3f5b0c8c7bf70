// What is shipped: the folder that `npm run pack` makes, so that the instance needs neither npm nor a compiler. A script that runs in such a folder ships
// the folder itself.
import { existsSync, openSync, readSync } from 'node:fs';
import { join, resolve } from 'node:path';
import { runChild } from '../child.ts';

export interface PackOptions {
  /** Of the checkout or the packed folder that this script is part of. */
  readonly home: string;
  readonly asked: string | undefined;
  readonly env: Readonly<Record<string, string | undefined>>;
  readonly stop: AbortSignal;
}

// Chosen: a first build takes under a minute.
const packMs = 600_000;

export async function findPackFolder({ home, asked, env, stop }: PackOptions): Promise<string> {
  const isPacked = existsSync(join(home, 'lib/caisson/caisson.mjs'));
  const folder = asked !== undefined ? resolve(asked) : isPacked ? home : await pack(home, env, stop);
  for (const name of ['bin/caisson', 'lib/node', 'lib/caisson/caisson.mjs', 'scripts/nitro-smoke.sh']) {
    if (!existsSync(join(folder, name))) throw new Error(`${folder} is no packed folder: it has no ${name}`);
  }
  const machine = readMachine(join(folder, 'lib/node'));
  // The instance is x86_64, whatever this machine is.
  if (machine !== 0x3e) throw new Error(`${folder} is for another machine than x86_64 (ELF machine ${machine})`);
  return folder;
}

async function pack(home: string, env: PackOptions['env'], stop: AbortSignal): Promise<string> {
  for (const script of ['scripts/build.ts', 'scripts/pack.ts']) {
    const words = [process.execPath, join(home, script)];
    const { code, stdout, stderr } = await runChild(words, { env, stop, cwd: home, deadlineMs: packMs });
    if (code !== 0) throw new Error(`${script} ended with ${code}: ${stderr.trim()}`);
    if (script.endsWith('pack.ts')) return stdout.trim();
  }
  throw new Error('nothing was packed');
}

/** e_machine of an ELF file. */
function readMachine(file: string): number {
  const head = Buffer.alloc(20);
  readSync(openSync(file, 'r'), head, 0, head.length, 0);
  return head.readUInt16LE(18);
}

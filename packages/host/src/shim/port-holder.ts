// Who has a TCP port of this machine, for the message that it is taken: the kernel's table names the socket, and a process of ours has it open.
import { readdir, readFile, readlink } from 'node:fs/promises';
import { plain } from '@caisson/core/log';
import { isEnclaveName } from '../record/index.ts';

// Given: proc(5); state 0A is LISTEN.
const tables = ['/proc/net/tcp', '/proc/net/tcp6'];
const listening = '0A';

/** `process 812 (nginx)`, `enclave web (process 812)`; undefined where no process can be seen that holds it. */
export async function findPortHolder(port: number): Promise<string | undefined> {
  const inodes = new Set<string>();
  for (const table of tables) {
    const text = await readFile(table, 'latin1').catch(() => '');
    for (const line of text.split('\n').slice(1)) {
      const [, local, , state, , , , , , inode] = line.trim().split(/\s+/);
      const bound = Number.parseInt(local?.split(':').at(-1) ?? '', 16);
      if (bound === port && state === listening && inode !== undefined) inodes.add(`socket:[${inode}]`);
    }
  }
  if (inodes.size === 0) return undefined;
  for (const pid of (await readdir('/proc')).filter((name) => /^[0-9]+$/.test(name))) {
    for (const fd of await readdir(`/proc/${pid}/fd`).catch(() => [])) {
      if (!inodes.has(await readlink(`/proc/${pid}/fd/${fd}`).catch(() => ''))) continue;
      return await describeProcess(pid);
    }
  }
  return undefined;
}

/**
 * Of a shim it names the enclave, because that is what a person ends. Any process can call itself a shim, so this text is only shown and never
 * acted on.
 */
async function describeProcess(pid: string): Promise<string> {
  const words = (await readFile(`/proc/${pid}/cmdline`, 'utf8').catch(() => '')).split('\0');
  const name = words[words.lastIndexOf('shim') + 1] ?? '';
  if (words.includes('shim') && words.includes('--tell') && isEnclaveName(name))
    return `enclave ${name} (process ${pid})`;
  const comm = await readFile(`/proc/${pid}/comm`, 'utf8').catch(() => '?');
  return `process ${pid} (${plain(comm.trim())})`;
}

// Who a service runs as, by the measured /etc/passwd and /etc/group of its own image. Read at each start: a development image may
// change them, and both are small.
import { readFileSync, statSync } from 'node:fs';
import { join } from 'node:path';
import { CaissonError } from '@caisson/core/errors';
import type { MeasuredService } from '@caisson/core/measured';
import type { InitErrorCode } from './error-code.ts';

export interface Account {
  readonly uid: number;
  readonly gid: number;
  /** null: a number without an entry. */
  readonly name: string | null;
  readonly home: string;
}

// Chosen: above any file of accounts that an image has a reason for.
const maxFileBytes = 1 << 20;
const maxId = 0xffff_fffe;

/**
 * `root`: the folder that holds `etc`. Where it is not `/` this may be a simulation of one user, who is then everybody that no file names. Throws CaissonError
 * INIT_ACCOUNT_UNKNOWN: a service must never become root by a typo.
 */
export function findAccount(
  { name, user, group }: Pick<MeasuredService, 'name' | 'user' | 'group'>,
  root = '/',
): Account {
  const own = root === '/' ? { uid: 0, gid: 0 } : { uid: process.getuid?.() ?? 0, gid: process.getgid?.() ?? 0 };
  const account = user === null ? { ...own, name: 'root', home: '/root' } : findUser(name, user, root);
  return group === null ? account : { ...account, gid: findGroup(name, group, root) };
}

function findUser(service: string, user: string, root: string): Account {
  const isNumber = /^[0-9]+$/.test(user);
  for (const [name, , uid, gid, , home] of linesOf(join(root, 'etc/passwd'))) {
    if (isNumber ? Number(uid) !== Number(user) : name !== user) continue;
    const ids = { uid: toId(uid), gid: toId(gid) };
    if (ids.uid === undefined || ids.gid === undefined) continue;
    return { uid: ids.uid, gid: ids.gid, name: name ?? null, home: home?.startsWith('/') ? home : '/' };
  }
  const uid = isNumber ? toId(user) : undefined;
  if (uid === undefined) throw unknown(service, 'user', user, 'etc/passwd');
  return { uid, gid: uid, name: null, home: '/' };
}

function findGroup(service: string, group: string, root: string): number {
  for (const [name, , gid] of linesOf(join(root, 'etc/group'))) {
    const id = toId(gid);
    if (name === group && id !== undefined) return id;
  }
  const id = toId(group);
  if (id === undefined) throw unknown(service, 'group', group, 'etc/group');
  return id;
}

function linesOf(path: string): string[][] {
  try {
    if (statSync(path).size > maxFileBytes) return [];
    return readFileSync(path, 'utf8')
      .split('\n')
      .map((line) => line.split(':'));
  } catch {
    return [];
  }
}

function toId(text: string | undefined): number | undefined {
  if (text === undefined || !/^[0-9]{1,10}$/.test(text)) return undefined;
  // -1 tells the kernel to change nothing.
  return Number(text) <= maxId ? Number(text) : undefined;
}

function unknown(service: string, what: string, value: string, file: string): CaissonError<InitErrorCode> {
  return new CaissonError<InitErrorCode>(
    'INIT_ACCOUNT_UNKNOWN',
    `service ${service} runs as ${what} ${JSON.stringify(value)}, which is not in /${file} of the image`,
    { hint: 'add the account to the image or give its number' },
  );
}

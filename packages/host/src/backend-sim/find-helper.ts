// The program that sets the room of a simulated enclave, and whether this machine lets it.
import { spawnSync } from 'node:child_process';
import { existsSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import type { MissingPart } from '../backend/index.ts';
import { PART_FILES, partFolders, readArchitecture } from '../runtime/index.ts';

/** Undefined where it was not built. */
export function findHelper(): string | undefined {
  const folders = partFolders(readArchitecture());
  return folders.map((folder) => join(folder, 'caisson-sim')).find((path) => existsSync(path));
}

/** The enclave program whose wall may be a folder. */
export function findDevelopmentProgram(): string | undefined {
  const folders = partFolders(readArchitecture());
  return folders.map((folder) => join(folder, PART_FILES['enclave-development'])).find((path) => existsSync(path));
}

export function findMissing(): MissingPart[] {
  if (process.platform !== 'linux') {
    return [{ what: `Linux, this is ${process.platform}`, get: 'a Linux machine, or the backend qemu' }];
  }
  const missing: MissingPart[] = [];
  if (findHelper() === undefined) missing.push({ what: 'caisson-sim', get: 'npm run build, with gcc and libc6-dev' });
  if (!mayMakeUsers()) {
    missing.push({
      what: 'user namespaces for this user',
      get: 'sysctl user.max_user_namespaces, kernel.unprivileged_userns_clone and kernel.apparmor_restrict_unprivileged_userns say who may; or run as root',
    });
  }
  return missing;
}

/** Asked of the kernel itself, in a process that changes nothing: the settings that forbid it are too many to know. */
function mayMakeUsers(): boolean {
  if (readText('/proc/sys/user/max_user_namespaces').trim() === '0') return false;
  // The program of util-linux; where it is absent the start itself will tell.
  const { status, error } = spawnSync('unshare', ['--user', '--map-root-user', '--mount', 'true'], { stdio: 'ignore' });
  return error !== undefined || status === 0;
}

function readText(path: string): string {
  try {
    return readFileSync(path, 'latin1');
  } catch {
    return '';
  }
}

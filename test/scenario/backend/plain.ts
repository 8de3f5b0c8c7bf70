// Surroundings in which the kernel gives no room to anybody: words to put before a program's. Each has a network of its own, because in a plain
// process ports are the machine's.
import { spawnSync } from 'node:child_process';
import { mkdirSync } from 'node:fs';
import { join } from 'node:path';

const whole = ['unshare', '--mount', '--net', 'sh', '-c'];
// The kernel makes no user namespace for whoever has another root than his mount namespace; without this right root makes no other either.
const inRoot = 'mount --rbind / "$1" && shift && exec chroot "$0" setpriv --bounding-set -sys_admin -- "$@"';
const unmapped = ['unshare', '--user', '--map-root-user', '--net', 'sh', '-c'];
const alone = 'echo 0 >/proc/sys/user/max_user_namespaces && exec "$@"';

/** As root: chroot. `folder` is made, and this machine's root shown there, for that program alone. */
export function withoutSpaces(folder: string): readonly string[] {
  mkdirSync(join(folder, 'all'), { recursive: true });
  const at = join(folder, 'all');
  return [...whole, inRoot, at, at];
}

/** As root who may make no namespace but with users: a room of one. */
export const withoutMounts: readonly string[] = ['setpriv', '--bounding-set', '-sys_admin', '--'];

/** As a user who has no right at all: folder. */
export const withoutRights: readonly string[] = [...unmapped, alone, 'sh'];

/** As a user of this machine who has no right at all, as on a laptop whose kernel lets nobody: folder. */
export const asNobody: readonly string[] = [
  ...['setpriv', '--reuid', '65534', '--regid', '65534', '--clear-groups', '--'],
  ...['unshare', '--user', '--map-current-user', '--keep-caps', '--net', 'sh', '-c'],
  `ip link set lo up && echo 0 >/proc/sys/user/max_user_namespaces && exec setpriv --inh-caps -all --ambient-caps -all --bounding-set -all -- "$@"`,
  'sh',
];

/** For the `skip` of a test. */
export function whyNotWithin(words: readonly string[]): string | false {
  const [program = '', ...rest] = words;
  const { status, stderr } = spawnSync(program, [...rest, 'true'], { encoding: 'utf8' });
  return status !== 0 && `namespaces cannot be forbidden here: ${stderr.trim()}`;
}

// A command of an operator as the process that PID 1 is asked for: as whom, where, with which variables.
import { CaissonError } from '@caisson/core/errors';
import { plain } from '@caisson/core/log';
import type { PipelineErrorCode } from '@caisson/link/pipeline';
import type { ProcessRequest, ProcessStreams } from '@caisson/sys';
import { findAccount } from '../init/account.ts';

export interface OperatorProcess {
  readonly argv: readonly string[];
  readonly cwd: string | null;
  /** `user`, `user:group`, names or numbers; null: root. */
  readonly user: string | null;
  readonly variables: Readonly<Record<string, string>>;
}

export interface PlaceTerms {
  readonly hasCgroups: boolean;
  /** Where `etc` is found. Default `/`. */
  readonly root?: string;
}

// Chosen: what containers' base images have, and after it the busybox of a development image, which is no service's: what an operator can run
// there to look around, the application must not come to lean on.
const defaultPath = '/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin:/usr/lib/caisson/bin';

/** Throws INIT_ACCOUNT_UNKNOWN. */
export function toOperatorRequest(
  name: string,
  { argv, cwd, user, variables }: OperatorProcess,
  streams: ProcessStreams,
  { hasCgroups, root = '/' }: PlaceTerms,
): ProcessRequest {
  const [userName = null, group = null] = user === null ? [] : user.split(':', 2);
  const account = findAccount({ name, user: userName === '' ? null : userName, group }, root);
  const usual: Record<string, string> = { PATH: defaultPath, HOME: account.home };
  if (account.name !== null) Object.assign(usual, { USER: account.name, LOGNAME: account.name });
  if (streams.terminal === true) usual['TERM'] = 'xterm-256color';
  return {
    name,
    argv,
    env: { ...usual, ...variables },
    cwd: cwd ?? '/',
    uid: account.uid,
    gid: account.gid,
    umask: 0o022,
    limitNofile: null,
    noNewPrivileges: true,
    oomScoreAdjust: null,
    cgroup: hasCgroups ? `caisson/${name}` : null,
    streams,
  };
}

export function startFault(argv: readonly string[], cause: unknown): unknown {
  if (cause instanceof CaissonError || !(cause instanceof Error)) return cause;
  const { code = 'failed' } = cause as NodeJS.ErrnoException;
  const what = plain((argv[0] ?? '').slice(0, 300));
  return new CaissonError<PipelineErrorCode>('PIPELINE_START', `start ${what}: ${plain(cause.message)}`, {
    cause,
    ...(code === 'ENOENT' && { hint: 'the program must be in the image; no shell looks for it' }),
  });
}

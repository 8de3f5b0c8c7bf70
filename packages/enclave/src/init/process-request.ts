// A service as the process that PID 1 is asked for: who it runs as, what it may see, where its words go.
import type { MeasuredInit, MeasuredService } from '@caisson/core/measured';
import type { ProcessRequest } from '@caisson/sys';
import { type Account, findAccount } from './account.ts';

export interface LaunchTerms {
  readonly init: Pick<MeasuredInit, 'environment'>;
  /** Of the boot config, already held to the image's list of names. */
  readonly configEnvironment: Readonly<Record<string, string>>;
  /** What the supervisor gives to all: the NSM's socket, in a simulation the wall. */
  readonly ownEnvironment: Readonly<Record<string, string>>;
  /** The config for `StandardInput = "config"`; null: there is none, and the service gets nothing. */
  readonly configPath: string | null;
  readonly logFolder: string;
  readonly notifyPath: (name: string) => string;
  /** Whether cgroup2 is there to be used. */
  readonly hasCgroups: boolean;
  /** argv of a built-in service: this very program, another verb. */
  readonly ownProgram: (service: MeasuredService) => readonly string[];
  /** Where `etc` is found. Default `/`. */
  readonly root?: string;
}

// Chosen: what containers' base images have.
const defaultPath = '/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin';

/** Throws INIT_ACCOUNT_UNKNOWN. */
export function toProcessRequest(service: MeasuredService, terms: LaunchTerms): ProcessRequest & { account: Account } {
  const account = findAccount(service, terms.root);
  return {
    account,
    name: service.name,
    argv: service.builtIn ? terms.ownProgram(service) : service.argv,
    env: environmentOf(service, account, terms),
    cwd: service.workingDirectory ?? '/',
    uid: account.uid,
    gid: account.gid,
    umask: service.umask,
    limitNofile: service.limitNofile,
    noNewPrivileges: service.noNewPrivileges,
    oomScoreAdjust: service.oomScoreAdjust,
    cgroup: terms.hasCgroups ? `caisson/${service.name}` : null,
    streams: streamsOf(service, terms),
  };
}

/**
 * Later ones win: what is usual, init.yaml, the service's own file, the boot config, and last what is ours. The config is above the
 * files because it has only names that the image gave out, and a file that sets one of them means a default.
 */
function environmentOf(service: MeasuredService, account: Account, terms: LaunchTerms): Record<string, string> {
  const usual: Record<string, string> = { PATH: defaultPath, HOME: account.home };
  if (account.name !== null) Object.assign(usual, { USER: account.name, LOGNAME: account.name });
  const own: Record<string, string> = { ...terms.ownEnvironment };
  if (service.ready.kind === 'notify') own['NOTIFY_SOCKET'] = terms.notifyPath(service.name);
  return { ...usual, ...terms.init.environment, ...service.environment, ...terms.configEnvironment, ...own };
}

function streamsOf(service: MeasuredService, terms: LaunchTerms): ProcessRequest['streams'] {
  const stdin = service.standardInput === 'config' ? terms.configPath : null;
  if (service.standardOutput === 'null') return { stdin, stdout: null, stderr: null };
  if (service.standardOutput === 'console') return { stdin, stdout: '/dev/console', stderr: '/dev/console' };
  const path = `${terms.logFolder}/${service.name}`;
  return { stdin, stdout: `${path}.out`, stderr: `${path}.err`, hold: true };
}

// `caisson enclave`: the enclave's side of argonaut, the same function that the enclave bundle runs.
import { openSession } from '../argonaut-session.ts';
import { withArgonautUsage } from '../argonaut-usage.ts';
import { untilStopped } from '../ended-by.ts';
import { withExitAction } from '../exit-action.ts';
import type { RegisterCommand } from '../surroundings.ts';

interface Flags {
  readonly hostsFile?: string;
  readonly policy?: string;
}

export const register: RegisterCommand = (program, surroundings) => {
  const enclave = program
    .command('enclave')
    .description('read the config from stdin, write the hosts block, then bridge until stopped')
    .option('--hosts-file <path>', 'default: /etc/hosts')
    .option('--policy <file>', 'measured list of endpoints: a config that names another is refused');
  withExitAction(enclave, async ({ hostsFile, policy }: Flags) => {
    const { runEnclave } = await import('@caisson/enclave/main/enclave');
    const session = await openSession(surroundings);
    const { stdin, env, stop } = surroundings;
    const work = runEnclave({ hostsFile, policyFile: policy }, { ...session, stdin, env, stop });
    return untilStopped(work, stop);
  });
  withArgonautUsage(enclave, surroundings);
};

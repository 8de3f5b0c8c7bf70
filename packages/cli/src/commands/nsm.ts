// `caisson nsm`: the line protocol on standard input and output; under the program's own name also the NSM for people.
import { openSay } from '../argonaut-session.ts';
import { withArgonautUsage } from '../argonaut-usage.ts';
import { untilStopped } from '../ended-by.ts';
import { withExitAction } from '../exit-action.ts';
import type { RegisterCommand, Surroundings } from '../surroundings.ts';
import { registerNsmAttest } from './nsm-attest.ts';
import { registerNsmDescribe } from './nsm-describe.ts';
import { registerNsmPcr } from './nsm-pcr.ts';
import { registerNsmRandom } from './nsm-random.ts';
import { registerNsmServe } from './nsm-serve.ts';

export const register: RegisterCommand = (program, surroundings) => {
  const nsm = program
    .command('nsm')
    .description(
      'answer NSM requests line by line (docs/wire/nsm-lines.md), from CAISSON_NSM=device, sim or unix:PATH',
    );
  withExitAction(nsm, () => serve(surroundings));
  withArgonautUsage(nsm, surroundings);
  if (surroundings.name === 'argonaut') return;
  for (const registerVerb of [
    registerNsmServe,
    registerNsmDescribe,
    registerNsmPcr,
    registerNsmRandom,
    registerNsmAttest,
  ]) {
    registerVerb(nsm, surroundings);
  }
};

async function serve(surroundings: Surroundings): Promise<number> {
  const { runNsm } = await import('@caisson/enclave/main/nsm');
  const { openNsmFromEnvironment } = await import('@caisson/host/simulator');
  const { createLinuxKernel } = await import('@caisson/sys');
  const { stdin, stdout, stop, env } = surroundings;
  const say = await openSay(surroundings);
  const openNsm = () => openNsmFromEnvironment(env, createLinuxKernel());
  return untilStopped(runNsm({ stdin, stdout, stop, say, openNsm }), stop);
}

// A boot up to its config: what may end it before anything of the image's own has run.
import { createNsmClient } from '@caisson/core/nitro';
import { checkNsmAtBoot, readClocksource, takeBootConfig } from '../boot-config/index.ts';
import { soundGraph } from '../init/index.ts';
import { findNetworkFaults } from '../network/index.ts';
import type { Boot, Prepared } from './boot-world.ts';

/** Throws BootRefusal, what the NSM and the graph of services have, and the reason of `signal`. */
export async function takeConfig(boot: Boot, signal: AbortSignal): Promise<Prepared> {
  const { closers, log, measured, reporter, runFolder, transport } = boot;
  const { image, services } = measured;
  soundGraph(services, log);
  const device = await boot.openOwnNsm();
  closers.push(() => device.close());
  const nsm = createNsmClient(device);
  const clocksource = await readClocksource();
  const check = await checkNsmAtBoot({ profile: image.profile, nsm, clocksource });
  for (const { reason, message } of check.concerns) log.warn('BOOT_CONCERN', message, { reason });
  log.info('BOOT_NSM', 'nsm answers', { hardware: check.hardware, debug: check.debug, clocksource });

  if (image.config.expect !== 'none') reporter.report('config', []);
  const config = await takeBootConfig({
    image,
    nsm,
    transport,
    folder: `${runFolder}/caisson`,
    signal,
    findFaults: (bytes) => findNetworkFaults(bytes, image, transport.localCid),
    onListening() {
      log.info('BOOT_CONFIG_AWAITED', 'boot config is awaited', { expect: image.config.expect });
      // Reported only once the ports accept: a host that reads this sends at once, and after a refusal the enclave could not be configured.
      reporter.report('config', [{ code: 'config-awaited' }]);
    },
    onRefused(reason, faults) {
      // The faults may quote the config, which is its sender's and may be secret.
      log.warn('BOOT_CONFIG_REFUSED', 'boot config was refused', { reason, faults: faults.length });
      reporter.report('config', [{ code: 'config-awaited' }, { code: reason }]);
    },
  });
  reporter.configTaken(config.sha384);
  log.info('BOOT_CONFIG', config.config === null ? 'no boot config' : 'boot config taken', {
    sha384: config.sha384,
    adopted: config.adopted,
    version: config.signed?.version,
  });
  return { config, device };
}

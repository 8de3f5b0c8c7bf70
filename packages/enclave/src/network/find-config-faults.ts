// Whether the network service will be able to run by a boot config, asked before the config is taken: PCR16 can be locked only once, and a
// config that was taken and cannot be served would cost a reboot instead of a second try.
import type { Cid } from '@caisson/core/address';
import type { ConfigFault } from '@caisson/core/config';
import { CaissonError } from '@caisson/core/errors';
import type { MeasuredImage } from '@caisson/core/measured';
import { parseArgonautKnobs } from '@caisson/link/argonaut';
import { readConfigNetwork } from './config-part.ts';
import { planNetwork } from './plan.ts';

/** None for an image without the network service, whose config may call anything `endpoints`. */
export function findNetworkFaults(config: Uint8Array, image: MeasuredImage, cid: Cid): readonly ConfigFault[] {
  if (!image.components.includes('network')) return [];
  try {
    // The knobs say how much, not where: no value of theirs makes a plan fail.
    planNetwork({ image, config: readConfigNetwork(config), cid, knobs: parseArgonautKnobs({}).knobs });
    return [];
  } catch (error) {
    if (!(error instanceof CaissonError)) throw error;
    return [{ path: '', message: error.message }];
  }
}

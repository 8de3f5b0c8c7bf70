// `caisson vrf`: proofs of RFC 9381 (docs/vrf.md).
import type { RegisterCommand } from '../surroundings.ts';
import { registerVrfProve } from './vrf-prove.ts';
import { registerVrfPublicKey } from './vrf-public-key.ts';
import { registerVrfVerify } from './vrf-verify.ts';

export const register: RegisterCommand = (program, surroundings) => {
  const vrf = program.command('vrf').description('make and verify proofs of a verifiable random function (RFC 9381)');
  registerVrfProve(vrf, surroundings);
  registerVrfVerify(vrf, surroundings);
  registerVrfPublicKey(vrf, surroundings);
};

// All checks, in the order that a person reads them.

import { fileChecks } from './check/file.ts';
import { hostChecks } from './check/host.ts';
import { nitroDoorChecks } from './check/nitro-door.ts';
import { nitroShareChecks } from './check/nitro-share.ts';
import { nitroToolChecks } from './check/nitro-tool.ts';
import { qemuChecks } from './check/qemu.ts';
import { remainsChecks } from './check/remains.ts';
import { simChecks } from './check/sim.ts';
import type { Check } from './check.ts';

export const CHECKS: readonly Check[] = [
  ...hostChecks,
  ...remainsChecks,
  ...simChecks,
  ...qemuChecks,
  ...nitroDoorChecks,
  ...nitroToolChecks,
  ...nitroShareChecks,
  ...fileChecks,
];

// The stages by their names.
import { makeClear, makeEif } from './make-eif.ts';
import { makeNitro } from './make-nitro.ts';
import { makeApps, makeInit, makeKernel } from './make-parts.ts';
import type { Stages } from './world.ts';

export const RBUILDS_STAGES: Stages = {
  nitro: makeNitro,
  kernel: makeKernel,
  apps: makeApps,
  init: makeInit,
  eif: makeEif,
  clear: makeClear,
};

// Whether an image can be made here and run in the simulator.
import { tmpdir } from 'node:os';
import { createSimBackend } from '@caisson/host/backend-sim';
import { imageSkip } from './image.ts';

const lacks = imageSkip === false ? await createSimBackend({ state: tmpdir() }).findMissing() : [];

/** For the `skip` of a test. */
export const simulatorSkip: string | false =
  imageSkip || (lacks[0] !== undefined && `the simulator needs ${lacks[0].what}`);

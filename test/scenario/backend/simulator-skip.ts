// Whether an image can be made here and run in the simulator.
import { tmpdir } from 'node:os';
import { createSimBackend } from '@caisson/host/backend-sim';
import { imageSkip } from './image.ts';

const lacks = imageSkip === false ? await createSimBackend({ state: tmpdir(), wish: 'room' }).findMissing() : [];

/** For the `skip` of a test. A room is meant: without one the ports of enclaves are this machine's, and tests run beside each other. */
export const simulatorSkip: string | false =
  imageSkip || (lacks[0] !== undefined && `the simulator needs ${lacks[0].what}`);

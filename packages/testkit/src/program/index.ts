// The program under test: heard inside this process, or started from its source.
export type { Heard, HearOptions } from './hear.ts';
export { hear } from './hear.ts';
export { passForLauncher, writeLauncher } from './launcher.ts';

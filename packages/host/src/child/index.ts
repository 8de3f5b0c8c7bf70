// Programs of this machine that are asked something and end.
export { killGroup } from './kill-group.ts';
export type { Bounded, BoundedOptions } from './run-bounded.ts';
export { runBounded } from './run-bounded.ts';

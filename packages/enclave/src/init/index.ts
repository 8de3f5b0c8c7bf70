// The supervisor: what runs services inside an enclave.
export { measuredAtRoot, servicesAtRoot } from './at-root.ts';
export type { BootMark } from './boot-mark.ts';
export { logOfBoot, readBootMark } from './boot-mark.ts';
export type { Clock, Timer } from './clock.ts';
export { systemClock } from './clock.ts';
export type { ControlOptions } from './control.ts';
export { createControl } from './control.ts';
export type { InitErrorCode } from './error-code.ts';
export { INIT_ERROR_CODES } from './error-code.ts';
export type { Outcome } from './outcome.ts';
export type { LaunchTerms } from './process-request.ts';
export type { Measured } from './read-measured.ts';
export { readMeasured, readMeasuredServices } from './read-measured.ts';
export { soundGraph } from './sound-graph.ts';
export type { SupervisorOptions } from './supervisor.ts';
export { Supervisor } from './supervisor.ts';

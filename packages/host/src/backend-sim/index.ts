// Enclaves simulated on this machine, for development.
export type { StageKind, StageWish } from './choose-stage.ts';
export { STAGE_WISHES } from './choose-stage.ts';
export { PLAIN_DIFFERENCES, SIM_DIFFERENCES } from './difference.ts';
export type { SimBackendOptions } from './sim-backend.ts';
export { createSimBackend } from './sim-backend.ts';

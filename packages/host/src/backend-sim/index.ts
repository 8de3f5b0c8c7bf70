// Enclaves simulated on this machine, for development.
export { SIM_DIFFERENCES } from './difference.ts';
export type { SimBackendOptions } from './sim-backend.ts';
export { createSimBackend } from './sim-backend.ts';

// What can go wrong around the simulator, and in choosing an NSM.

export const SIMULATOR_ERROR_CODES = [
  'SIMULATOR_STATE',
  'SIMULATOR_PCR',
  'SIMULATOR_MODULE_ID',
  'SIMULATOR_NSM_CHOICE',
  'SIMULATOR_NSM_ABSENT',
  'SIMULATOR_OPENSSL',
  'SIMULATOR_PROOF',
] as const;
export type SimulatorErrorCode = (typeof SIMULATOR_ERROR_CODES)[number];

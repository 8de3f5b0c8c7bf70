// Every way in which the engine itself refuses or gives up. What a room below it throws keeps that room's code.

export const ENGINE_ERROR_CODES = [
  'ENGINE_CONFIG',
  'ENGINE_DEPENDS',
  'ENGINE_ENDED',
  'ENGINE_IMAGE',
  'ENGINE_LATE',
  'ENGINE_NAME',
  'ENGINE_PCR',
  'ENGINE_PROFILE',
  'ENGINE_RUNNING',
  'ENGINE_UNSIGNED',
] as const;
export type EngineErrorCode = (typeof ENGINE_ERROR_CODES)[number];

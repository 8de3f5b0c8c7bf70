// What can be wrong with caisson.yaml.

export const COMPOSE_ERROR_CODES = ['COMPOSE_FAULTS', 'COMPOSE_NAME', 'COMPOSE_INPUT', 'COMPOSE_FIRST'] as const;
export type ComposeErrorCode = (typeof COMPOSE_ERROR_CODES)[number];

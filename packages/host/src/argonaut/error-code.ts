// What only the parent's side of argonaut can fail with.

export const HOST_ARGONAUT_ERROR_CODES = ['HOST_CONFIG_PORT', 'HOST_CONFIG_WAYS'] as const;
export type HostArgonautErrorCode = (typeof HOST_ARGONAUT_ERROR_CODES)[number];

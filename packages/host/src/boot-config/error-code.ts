// What the parent's side of a boot config can fail with, beyond its delivery.

export const HOST_BOOT_CONFIG_ERROR_CODES = ['HOST_CONFIG_CLOSED', 'HOST_CONFIG_REFUSED', 'HOST_SIGNING_KEY'] as const;
export type HostBootConfigErrorCode = (typeof HOST_BOOT_CONFIG_ERROR_CODES)[number];

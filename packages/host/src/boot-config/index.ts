// The boot config on the parent's side: signed, sent, refused with reasons.
export type { HostBootConfigErrorCode } from './error-code.ts';
export { HOST_BOOT_CONFIG_ERROR_CODES } from './error-code.ts';
export type { SendBootConfigOptions } from './send-boot-config.ts';
export { sendBootConfig } from './send-boot-config.ts';
export type { SignedBootConfig } from './sign-boot-config.ts';
export { signBootConfig } from './sign-boot-config.ts';
export type { ConfigSigningKey } from './signing-key.ts';
export { readConfigSigningKey } from './signing-key.ts';

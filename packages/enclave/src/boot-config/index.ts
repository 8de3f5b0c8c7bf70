// Phase `config`: what the NSM must be before it, which config is taken in it, and what stands fixed after it.
export type { AcceptedConfig, AcceptedSignature } from './accepted-config.ts';
export type { NsmCheck, NsmCheckOptions } from './check-nsm.ts';
export { checkNsmAtBoot, readClocksource } from './check-nsm.ts';
export type { BootConfigErrorCode } from './error-code.ts';
export { BOOT_CONFIG_ERROR_CODES, BootRefusal } from './error-code.ts';
export type { OwnDocument } from './own-document.ts';
export { askOwnDocument } from './own-document.ts';
export type { BootConfigOptions } from './take-boot-config.ts';
export { takeBootConfig } from './take-boot-config.ts';

// Service files and init.yaml: read, checked, compiled.
export type { ApplicationCommand } from './built-in.ts';
export type { CheckFolderOptions } from './check-folder.ts';
export { checkServiceFolder } from './check-folder.ts';
export type { CheckTextsOptions } from './check-text.ts';
export { checkServiceTexts } from './check-text.ts';
export type { CompiledInit } from './compile-init.ts';
export { compileInit } from './compile-init.ts';
export type { CompiledServices, CompileServicesOptions } from './compile-service.ts';
export { compileServices } from './compile-service.ts';
export type { ServiceErrorCode } from './error-code.ts';
export { SERVICE_ERROR_CODES } from './error-code.ts';
export type { ServiceFault } from './fault.ts';
export { formatServiceFault, ServiceFaultError } from './fault.ts';
export type { ApplicationReady } from './give-ready.ts';
export { MOST_READY_MS } from './give-ready.ts';
export type { CheckedServices } from './judge-service.ts';
export { nearestWord } from './nearest-word.ts';
export { readInitctlConfig } from './read-initctl.ts';

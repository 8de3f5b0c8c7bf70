// Enclaves on QEMU's nitro-enclave machine.
export type { FindQemuOptions, FoundQemu } from './find-qemu.ts';
export { findQemu } from './find-qemu.ts';
export type { QemuBackendOptions } from './qemu-backend.ts';
export { createQemuBackend, QEMU_DIFFERENCES } from './qemu-backend.ts';

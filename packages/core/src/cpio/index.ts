// cpio archives in the "newc" form: what the Linux kernel unpacks as a ramdisk.
export type { CpioEntry, CpioKind, CpioSource } from './entry.ts';
export type { CpioErrorCode } from './error-code.ts';
export { CPIO_ERROR_CODES } from './error-code.ts';
export type { CpioLimits, ParsedCpioEntry } from './parse.ts';
export { parseCpio } from './parse.ts';
export type { StreamedCpioEntry, StreamedCpioLimits } from './stream.ts';
export { streamCpio } from './stream.ts';
export type { CpioArchive } from './write.ts';
export { createCpio } from './write.ts';

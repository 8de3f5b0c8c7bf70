// tar archives: a strict streaming reader of ustar, GNU and pax forms, and a writer whose bytes depend on its entries alone.
export type { StreamedTarEntry, TarFields, TarKind, TarLimits } from './entry.ts';
export type { TarErrorCode } from './error-code.ts';
export { TAR_ERROR_CODES } from './error-code.ts';
export { streamTar } from './stream.ts';
export type { TarInputEntry, TarSource } from './write.ts';
export { formatTarHeader, writeTar } from './write.ts';

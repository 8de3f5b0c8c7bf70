// Byte strings: text forms, comparison, concatenation, and reading exact amounts from a stream of them.
export type { ChunkBounds, SkippableChunks } from './chunk-input.ts';
export { ChunkInput } from './chunk-input.ts';
export { concatBytes, equalBytes } from './join.ts';
export type { BytesErrorCode } from './text.ts';
export { BYTES_ERROR_CODES, parseBase64, parseHex, toBase64, toHex, toUtf8, utf8Text } from './text.ts';

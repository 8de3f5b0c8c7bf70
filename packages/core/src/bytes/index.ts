// Byte strings: text forms, comparison, concatenation, streams of them as exact takes.
export type { ChunkBounds, SkippableChunks } from './chunk-input.ts';
export { ChunkInput } from './chunk-input.ts';
export { concatBytes, equalBytes } from './join.ts';
export type { BytesErrorCode } from './text.ts';
export { BYTES_ERROR_CODES, parseBase64, parseHex, toBase64, toHex, toUtf8, utf8Text } from './text.ts';

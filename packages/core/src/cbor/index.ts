// Strict CBOR (RFC 8949): one accepted form for each value, made for bytes that an adversary wrote.
export type { DecodeCborOptions } from './decode.ts';
export { decodeCbor } from './decode.ts';
export type { EncodeCborOptions } from './encode.ts';
export { encodeCbor } from './encode.ts';
export type { CborErrorCode, CborKey, CborValue } from './value.ts';
export { CBOR_ERROR_CODES, CborTag } from './value.ts';

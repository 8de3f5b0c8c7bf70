// What a receiver says at the end of a copy, when everything is under its final name.
import { encodeFields, Fields } from '../fields.ts';

export interface CopyResult {
  readonly files: number;
  /** Of the contents, sent or already there. */
  readonly bytes: number;
  /** Files that were already there. */
  readonly skippedFiles: number;
  /** Bytes of parts that were taken up. */
  readonly resumedBytes: number;
}

export function encodeResult(result: CopyResult): Uint8Array {
  return encodeFields({ 1: result.files, 2: result.bytes, 3: result.skippedFiles, 4: result.resumedBytes });
}

/** Throws ParseError PIPELINE_REQUEST. */
export function parseResult(bytes: Uint8Array): CopyResult {
  const fields = new Fields(bytes, 'result');
  const result = {
    files: fields.integer(1),
    bytes: fields.integer(2),
    skippedFiles: fields.integer(3),
    resumedBytes: fields.integer(4),
  };
  fields.end();
  return result;
}

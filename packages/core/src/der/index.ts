// DER (ITU-T X.690): a strict cursor and a writer.
export type { DerElement } from './cursor.ts';
export { DerCursor, openDer } from './cursor.ts';
export type { DerErrorCode } from './error-code.ts';
export { DER_ERROR_CODES } from './error-code.ts';
export { contextConstructed, contextPrimitive, DER_TAG } from './tag.ts';
export {
  derBitString,
  derBoolean,
  derElement,
  derExplicit,
  derOctets,
  derOid,
  derPrintable,
  derSequence,
  derSet,
  derTime,
  derUnsigned,
  derUtf8,
} from './write.ts';

// Enclave image files: write version 4, read strictly, measure.
export { crc32 } from './crc32.ts';
export type { EifErrorCode } from './error-code.ts';
export { EIF_ERROR_CODES } from './error-code.ts';
export type { EifArchitecture, EifHeader, EifSectionKind } from './form.ts';
export type { EifMeasurements, EifMeter, IncrementalSha384 } from './measure.ts';
export { createBufferedSha384, createEifMeter } from './measure.ts';
export type { EifSection, ParsedEif } from './parse.ts';
export { measureEif, parseEif } from './parse.ts';
export type { EifImage, EifSource, PlannedEif } from './write.ts';
export { planEif } from './write.ts';

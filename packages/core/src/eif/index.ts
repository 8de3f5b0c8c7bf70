// Enclave image files: write version 4, read strictly (from memory or in pieces), measure, verify the signature.
export type { EifCertificate } from './certificate.ts';
export { parseEifCertificate } from './certificate.ts';
export { combineCrc32, crc32 } from './crc32.ts';
export type { EifErrorCode } from './error-code.ts';
export { EIF_ERROR_CODES } from './error-code.ts';
export type { EifArchitecture, EifHeader, EifSectionKind } from './form.ts';
export {
  crcOffset as eifCrcOffset,
  headerBytes as eifHeaderBytes,
  sectionHeaderBytes as eifSectionHeaderBytes,
} from './form.ts';
export type { EifMeasurements, EifMeter, IncrementalSha384 } from './measure.ts';
export { createBufferedSha384, extendZero } from './measure.ts';
export type { EifSection, ParsedEif } from './parse.ts';
export { measureEif, parseEif } from './parse.ts';
export type { EifPieces, ReplacedSignature } from './replace-signature.ts';
export { replaceEifSignature } from './replace-signature.ts';
export type { EifSignature, EifSignatureAlgorithm, EifSignatureTerms } from './signature.ts';
export { faultsOfEifSignature, parseEifSignature, signEif, verifyEifSignature } from './signature.ts';
export type { EifSurvey } from './survey.ts';
export { readEif, surveyEif } from './survey.ts';
export type { EifFile, SurveyedSection, SurveyOptions } from './walk.ts';
export type { EifImage, EifLayout, EifSource, LaidOutSection, PlannedEif } from './write.ts';
export { layOutEif, planEif, readEifSections } from './write.ts';

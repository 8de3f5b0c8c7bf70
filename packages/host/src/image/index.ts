// Enclave images on disk: measure, inspect, list, take apart, compare.
export type { ImageComparison, ImageDifference } from './compare.ts';
export { compareImages } from './compare.ts';
export { describeAsNitroCli, NITRO_HASH_ALGORITHM } from './describe.ts';
export type { ImageErrorCode } from './error-code.ts';
export { IMAGE_ERROR_CODES } from './error-code.ts';
export type { Extracted } from './extract.ts';
export { extractImage } from './extract.ts';
export type { ImageFile } from './image-file.ts';
export { openImageFile } from './image-file.ts';
export type { ImageInspection, RamdiskSummary } from './inspect.ts';
export { inspectImage } from './inspect.ts';
export type { ListedFile } from './list-file.ts';
export { listImageFiles, ramdisksOf } from './list-file.ts';
export type { ImageMeasurements } from './measure.ts';
export { measureCertificate, measureFile, measureImage } from './measure.ts';
export type { LeftOut } from './plan-extract.ts';
export type { RamdiskForm } from './ramdisk.ts';

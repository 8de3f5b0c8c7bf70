// From a source to an enclave image, the same bytes every time.

export type { BuildAgainRequest, BuiltAgain, Change } from './build-again.ts';
export { buildAgain, CHANGES, verifyReproducible } from './build-again.ts';
export type { BuildOptions, BuildSignature, BuiltImage } from './build-image.ts';
export { buildImage, manifestPathOf, sbomPathOf, statementPathOf } from './build-image.ts';
export type { BuildErrorCode } from './error-code.ts';
export { BUILD_ERROR_CODES } from './error-code.ts';
export type { Manifest, ManifestInput } from './manifest.ts';
export { formatManifest } from './manifest.ts';
export type { OpenedPlan, PlanRequest } from './open-plan.ts';
export { openPlan } from './open-plan.ts';
export { MAX_MANIFEST_BYTES, parseManifest } from './parse-manifest.ts';
export type { BuildInput, BuildKernel, BuildPlan, BuildProgress, SourceCommit } from './plan.ts';
export { SILENT_PROGRESS } from './plan.ts';
export type { ManifestFile } from './ramdisk.ts';
export type { ReproduceRequest, Reproduction } from './reproduce.ts';
export { reproduceImage } from './reproduce.ts';
export type { BuildSettings } from './settings.ts';
export { DEFAULT_SETTINGS } from './settings.ts';
export type { WriteEifOptions, WrittenEif } from './write-eif.ts';
export { writeEif } from './write-eif.ts';

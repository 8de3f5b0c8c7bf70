// What tests of a boot start from: a measured image, signers that everybody knows.
export type { ImageChanges } from './image.ts';
export { measuredImage } from './image.ts';
export { measuredService } from './service.ts';
export type { TestSigner } from './signer.ts';
export { testSigner } from './signer.ts';
export { writeMeasuredEif } from './write-image.ts';

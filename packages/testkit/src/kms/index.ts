// A stand-in for KMS: makes answers to an attested recipient.
export type { SealOptions, SealTwist } from './seal.ts';
export { encryptContent, oaepAlgorithm, sealForRecipient } from './seal.ts';

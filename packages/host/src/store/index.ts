// The local store of images: content-addressed, with names.
export type { StoreErrorCode } from './error-code.ts';
export { STORE_ERROR_CODES } from './error-code.ts';
export { imageStoreFolder } from './folder.ts';
export type { ImageRecord } from './record.ts';
export type { ImageStore, StoredImage } from './store.ts';
export { openImageStore } from './store.ts';
export type { ImageReference, ImageTag } from './tag.ts';
export { isImageTag, parseImageReference, parseImageTag, versionNumber } from './tag.ts';

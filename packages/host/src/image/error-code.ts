// What can go wrong with an image as a file, beyond its form.

export const IMAGE_ERROR_CODES = [
  'IMAGE_FILE',
  'IMAGE_CHANGED',
  'IMAGE_LIMIT',
  'IMAGE_RAMDISK',
  'IMAGE_MEASURED',
  'IMAGE_FOLDER',
  'IMAGE_ENTRY',
  'IMAGE_SIGNING_KEY',
  'IMAGE_SIGNING_PAIR',
  'IMAGE_SIGNING_DATE',
] as const;
export type ImageErrorCode = (typeof IMAGE_ERROR_CODES)[number];

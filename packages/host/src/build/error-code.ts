// What can keep an image from being built.

export const BUILD_ERROR_CODES = [
  'BUILD_AGAIN',
  'BUILD_CLASH',
  'BUILD_COMMAND',
  'BUILD_COMPONENT',
  'BUILD_INPUT',
  'BUILD_KERNEL',
  'BUILD_LISTED',
  'BUILD_MANIFEST',
  'BUILD_OUTPUT',
  'BUILD_SETTING',
  'BUILD_SOURCE',
] as const;
export type BuildErrorCode = (typeof BUILD_ERROR_CODES)[number];

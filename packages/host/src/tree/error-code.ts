// What can be wrong with a folder that is to become a root file system.

export const TREE_ERROR_CODES = [
  'TREE_FOLDER',
  'TREE_NAME',
  'TREE_KIND',
  'TREE_LINK',
  'TREE_CHANGED',
  'TREE_LIMIT',
] as const;
export type TreeErrorCode = (typeof TREE_ERROR_CODES)[number];

// Why a layer of a container image may not become part of a tree.

export const LAYER_ERROR_CODES = [
  'LAYER_PATH',
  'LAYER_PARENT',
  'LAYER_LINK',
  'LAYER_WHITEOUT',
  'LAYER_TWIN',
  'LAYER_LIMIT',
] as const;
export type LayerErrorCode = (typeof LAYER_ERROR_CODES)[number];

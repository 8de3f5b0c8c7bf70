// Root file systems as values.
export { TREE_ERROR_CODES, type TreeErrorCode } from './error-code.ts';
export { createFileContent, type FileIdentity } from './file-content.ts';
export { type FolderOptions, openFolder } from './folder.ts';
export type { Layer, LayerEntry } from './layer.ts';
export { LAYER_ERROR_CODES, type LayerErrorCode } from './layer-error-code.ts';
export { isLinkOutside } from './link-target.ts';
export { type MergedLayers, type MergeOptions, mergeLayers } from './merge-layers.ts';
export type { ImageConfig, OpenedSource, RootTree, TreeContent, TreeEntry } from './tree.ts';

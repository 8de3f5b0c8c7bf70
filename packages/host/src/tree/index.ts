// Root file systems as values.
export type { ImageConfig, OpenedSource, RootTree, TreeContent, TreeEntry } from './tree.ts';

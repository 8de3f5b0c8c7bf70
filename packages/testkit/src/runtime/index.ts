// Runtime archives in small, and the mirror they come from.
export type { RuntimeScene, SceneWish } from './archive.ts';
export { createRuntimeScene } from './archive.ts';
export type { DebianCompression } from './debian.ts';
export { createAr, createDebianPackage } from './debian.ts';
export type { ElfWish } from './elf.ts';
export { createElf } from './elf.ts';
export type { LoopbackMirror } from './mirror.ts';
export { createLoopbackMirror } from './mirror.ts';

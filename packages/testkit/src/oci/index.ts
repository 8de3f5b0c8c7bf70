// Container images made up for tests: layers, layouts, docker archives, and a registry on this machine that can be told to lie.
export { createTestImage, layer, type TestImage, type TestImageOptions } from './image.ts';
export { dockerArchive, layoutArchive, writeLayout } from './place.ts';
export { startRegistry, type TestRegistry, type TestRegistryOptions } from './registry.ts';

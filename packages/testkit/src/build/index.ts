// Builds in small: every input made up, so that an image is some kilobytes and takes no time.
export type { BuildScene, SceneChanges } from './scene.ts';
export { createBuildScene } from './scene.ts';

// Plain Dockerfiles, carried out without a container engine.
export type { DockerfileOptions } from './build-dockerfile.ts';
export { buildDockerfile, whyNotPlain } from './build-dockerfile.ts';
export type { DockerfileErrorCode } from './error-code.ts';
export { DOCKERFILE_ERROR_CODES } from './error-code.ts';

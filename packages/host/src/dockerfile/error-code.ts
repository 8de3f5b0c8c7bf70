// What can go wrong with a Dockerfile that is carried out without a container engine.

export const DOCKERFILE_ERROR_CODES = [
  'DOCKERFILE_FILE',
  'DOCKERFILE_FORM',
  'DOCKERFILE_UNSUPPORTED',
  'DOCKERFILE_COPY',
] as const;
export type DockerfileErrorCode = (typeof DOCKERFILE_ERROR_CODES)[number];

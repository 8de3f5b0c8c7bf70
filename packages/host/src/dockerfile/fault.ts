// A refusal names its line.
import { PolicyError } from '@caisson/core/errors';
import type { DockerfileErrorCode } from './error-code.ts';

export function refused(line: number, what: string, hint?: string): PolicyError<DockerfileErrorCode> {
  return new PolicyError(
    'DOCKERFILE_UNSUPPORTED',
    `Dockerfile line ${line}: ${what}`,
    hint === undefined ? {} : { hint },
  );
}

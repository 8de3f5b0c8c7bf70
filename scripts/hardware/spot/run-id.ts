// The name of one run. Everything that it makes in the account bears it, so that cleaning up asks AWS what there is and never depends on an answer that
// may have been lost on the way.
import { randomBytes } from 'node:crypto';

export interface RunId {
  /** Of key pair, security group, and the instance's name. */
  readonly name: string;
  /** `--tag-specifications` of one kind of resource. */
  tags(kind: 'instance' | 'volume' | 'key-pair' | 'security-group'): string;
  /** `--filters` that finds what bears the tag. */
  readonly filter: string;
}

// Given: every run has it, whatever its name; docs/hardware.md tells how to find all by it.
export const RUN_TAG = 'caisson-ci';

export function createRunId(): RunId {
  const name = `caisson-ci-${randomBytes(6).toString('hex')}`;
  return {
    name,
    filter: `Name=tag:${RUN_TAG},Values=${name}`,
    tags: (kind) => `ResourceType=${kind},Tags=[{Key=${RUN_TAG},Value=${name}},{Key=Name,Value=${name}}]`,
  };
}

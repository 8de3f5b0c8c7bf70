// Two ways into or out of an image that want one port, address or name: its network service would refuse to start, by the same rule.
import { PolicyError } from '@caisson/core/errors';
import { findNetworkConflict, type MeasuredImage, waysInOf, waysOutOf } from '@caisson/core/measured';
import type { BuildErrorCode } from './error-code.ts';

/** Throws PolicyError BUILD_SETTING. */
export function verifyNetwork(image: MeasuredImage): void {
  const conflict = findNetworkConflict(waysInOf(image), waysOutOf(image), image);
  if (conflict === undefined) return;
  const { what, first, second } = conflict;
  throw new PolicyError<BuildErrorCode>('BUILD_SETTING', `${what} is wanted by ${first} and by ${second}`);
}

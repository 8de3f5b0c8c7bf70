// The native data plane keeps the same contract as the one in JavaScript.
import { test } from 'node:test';
import { createLinuxKernel } from '@caisson/sys';
import { describeBridgeContract } from '@caisson/testkit/contract';

const kernel = createLinuxKernel();
if (kernel.hasAddon) {
  describeBridgeContract({ plane: 'native', kernel, near: 'tcp', far: 'fabric', heavy: true });
  describeBridgeContract({ plane: 'native', kernel, near: 'fabric', far: 'tcp' });
  describeBridgeContract({ plane: 'native', kernel, near: 'tcp', far: 'unix' });
  describeBridgeContract({ plane: 'native', kernel, near: 'tcp', far: 'tcp', heavy: true });
} else {
  test('the native data plane keeps the contract of a bridge', { skip: 'no addon on this machine' }, () => {});
}

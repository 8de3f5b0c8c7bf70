// The contract of both data planes of a bridge, as a list of plain functions, with a node:test wrapper that also holds that
// nothing is left open.
import assert from 'node:assert/strict';
import { readdirSync } from 'node:fs';
import { describe, test } from 'node:test';
import { setTimeout as pause } from 'node:timers/promises';
import { boundPromises } from './bridge/bound.ts';
import { carryPromises } from './bridge/carry.ts';
import { faultPromises } from './bridge/fault.ts';
import { loadPromises } from './bridge/load.ts';
import { overloadPromises } from './bridge/overload.ts';
import type { BridgePromise } from './bridge/promise.ts';
import { routePromises } from './bridge/route.ts';
import { Water, type WaterOptions } from './bridge/water.ts';

export type { BridgePromise } from './bridge/promise.ts';
export type { WaterOptions } from './bridge/water.ts';

const allPromises = [
  ...[...carryPromises, ...boundPromises, ...routePromises],
  ...[...faultPromises, ...loadPromises, ...overloadPromises],
];

/** The promises that make sense on this route; those that cost seconds only where `heavy` is set. */
export function bridgeContract(options: WaterOptions): readonly BridgePromise[] {
  return allPromises.filter(({ on, heavy }) => (on?.(options) ?? true) && (heavy !== true || options.heavy === true));
}

/** `options.near` dials the bridge, `options.far` is dialled by it. */
export function describeBridgeContract(options: WaterOptions): void {
  describe(`a ${options.plane} bridge from ${options.near} to ${options.far}`, () => {
    for (const { title, run } of bridgeContract(options)) {
      test(title, async () => {
        const openBefore = countDescriptors();
        const water = new Water(options);
        try {
          await run(water);
        } finally {
          await water.close();
        }
        // Descriptors close a loop turn after their sockets.
        for (let round = 0; countDescriptors() > openBefore && round < 100; round += 1) await pause(10);
        const left = countDescriptors() - openBefore;
        assert.ok(left <= 0, `${left} descriptors left open`);
      });
    }
  });
}

function countDescriptors(): number {
  return readdirSync('/proc/self/fd').length;
}

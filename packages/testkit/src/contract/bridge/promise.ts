// One promise of the bridge contract, and what a promise may need that not every route has.
import type { Water, WaterOptions } from './water.ts';

export interface BridgePromise {
  /** A sentence whose subject is the bridge. */
  readonly title: string;
  /** Where it makes sense; everywhere when absent. */
  readonly on?: (options: WaterOptions) => boolean;
  /** Costs seconds: run on one route of each data plane. */
  readonly heavy?: boolean;
  run(water: Water): Promise<void>;
}

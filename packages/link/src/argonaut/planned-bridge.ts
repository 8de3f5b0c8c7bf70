// One bridge of an argonaut config, ready to be opened, with the words that the log uses for it.
import type { BridgeRule } from '../bridge/index.ts';
import type { BridgeLabel } from './connection-line.ts';

export interface PlannedBridge {
  readonly rule: BridgeRule;
  readonly label: BridgeLabel;
}

/** How long a TCP far side may take, name and all addresses included. Given: argonaut. */
export const TCP_DIAL_TIMEOUT_MS = 30_000;
/**
 * How long a vsock far side is tried again while nobody listens. Chosen: covers the start of the other side and a full
 * backlog, and is short enough that nothing piles up behind a side that is gone.
 */
export const VSOCK_DIAL_TIMEOUT_MS = 5_000;

export function planBridge(
  name: string,
  side: BridgeLabel['side'],
  direction: BridgeLabel['direction'],
  rule: Omit<BridgeRule, 'name'>,
): PlannedBridge {
  return { rule: { name, ...rule }, label: { side, direction, listen: rule.listen, dial: rule.dial } };
}

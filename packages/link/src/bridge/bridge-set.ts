// Several bridges that begin, change and end together. A change never touches a living connection: what stays stays, what
// is gone stops accepting and lives on until its last connection ends, and a change that cannot be made whole is not made.
import { formatAddress } from '@caisson/core/address';
import type { NativeEngine } from '@caisson/sys';
import { type Bridge, type BridgeOptions, openBridge } from './bridge.ts';
import { addCounters, type BridgeCounters, noCounts } from './event.ts';
import { type BridgeRule, checkBridgeRule } from './rule.ts';
import { checkDistinct } from './rule-record.ts';

export interface BridgeSet {
  /** Those that accept now, in the order of their rules. */
  readonly bridges: readonly Bridge[];
  /** Sum over all bridges since the set was opened, those that are gone included. */
  counters(): BridgeCounters;
  /** Throws what openBridge throws, and then nothing has changed. */
  reload(rules: readonly BridgeRule[]): Promise<BridgeSetChange>;
  drain(graceMs: number): Promise<void>;
  /** Rejects when a listener failed by itself; resolves after `drain`. */
  readonly ended: Promise<void>;
}

export interface BridgeSetChange {
  readonly opened: readonly Bridge[];
  readonly stopped: readonly Bridge[];
  /** New limits, from the next connection on. */
  readonly limited: readonly Bridge[];
}

/** Opens all of `rules` or none. Throws as openBridge, and ParseError BRIDGE_RULES_FILE for a listen address used twice. */
export async function openBridgeSet(rules: readonly BridgeRule[], options: BridgeOptions): Promise<BridgeSet> {
  const own = options.engine === undefined && wantsEngine(options) ? options.kernel?.createEngine() : undefined;
  const set = new OpenBridges(own === undefined ? options : { ...options, engine: own }, own);
  try {
    await set.reload(rules);
  } catch (error) {
    await own?.close();
    throw error;
  }
  return set;
}

function wantsEngine({ kernel, plane }: BridgeOptions): boolean {
  return kernel?.hasAddon === true && plane !== 'js';
}

class OpenBridges implements BridgeSet {
  readonly ended: Promise<void>;
  readonly #options: BridgeOptions;
  readonly #own: NativeEngine | undefined;
  readonly #settle: { ended: () => void; failed: (error: unknown) => void };
  #bridges: readonly Bridge[] = [];
  /** Stopped, with connections that may still live. */
  #retired: readonly Bridge[] = [];
  #gone: BridgeCounters = noCounts;
  #changing: Promise<unknown> = Promise.resolve();

  constructor(options: BridgeOptions, own: NativeEngine | undefined) {
    this.#options = options;
    this.#own = own;
    const { promise, resolve, reject } = Promise.withResolvers<void>();
    this.ended = promise;
    this.#settle = { ended: resolve, failed: reject };
    promise.catch(() => {});
  }

  get bridges(): readonly Bridge[] {
    return this.#bridges;
  }

  counters(): BridgeCounters {
    return [...this.#bridges, ...this.#retired].reduce(
      (sum, bridge) => addCounters(sum, bridge.counters()),
      this.#gone,
    );
  }

  reload(rules: readonly BridgeRule[]): Promise<BridgeSetChange> {
    // One change at a time: a second SIGHUP waits for the first.
    const change = this.#changing.then(() => this.#change(rules));
    this.#changing = change.catch(() => {});
    return change;
  }

  async drain(graceMs: number): Promise<void> {
    await this.#changing;
    await Promise.all([...this.#bridges, ...this.#retired].map((bridge) => bridge.drain(graceMs)));
    await this.#own?.close();
    this.#settle.ended();
  }

  async #change(rules: readonly BridgeRule[]): Promise<BridgeSetChange> {
    checkDistinct(rules, (index) => `rules[${index}]`);
    for (const rule of rules) checkBridgeRule(rule);
    const waiting = [...this.#bridges];
    const kept = new Map<BridgeRule, Bridge>();
    for (const rule of rules) {
      const index = waiting.findIndex((bridge) => wayOf(bridge.rule) === wayOf(rule));
      const [bridge] = index < 0 ? [] : waiting.splice(index, 1);
      if (bridge !== undefined) kept.set(rule, bridge);
    }
    const opened = await this.#replace(
      waiting,
      rules.filter((rule) => !kept.has(rule)),
    );
    const limited = this.#limit(kept);
    this.#bridges = rules.map((rule) => kept.get(rule) ?? opened.get(rule)).filter((bridge) => bridge !== undefined);
    this.#retire(waiting);
    return { opened: [...opened.values()], stopped: waiting, limited };
  }

  /** Opens `fresh` and stops `leaving`; on a failure closes what it opened, opens again what it stopped, and throws. */
  async #replace(leaving: Bridge[], fresh: readonly BridgeRule[]): Promise<Map<BridgeRule, Bridge>> {
    const opened = new Map<BridgeRule, Bridge>();
    // Only a bridge whose address is wanted must stop before its heir can listen; the others stop when all is well.
    const inTheWay = leaving.filter(({ rule }) => fresh.some(({ listen }) => sameAddress(listen, rule.listen)));
    try {
      for (const rule of fresh.filter(({ listen }) => !inTheWay.some((one) => sameAddress(one.rule.listen, listen)))) {
        opened.set(rule, await this.#open(rule));
      }
      for (const bridge of inTheWay) await bridge.stop();
      for (const rule of fresh.filter((one) => !opened.has(one))) opened.set(rule, await this.#open(rule));
    } catch (error) {
      for (const bridge of opened.values()) await bridge.drain(0);
      await this.#restore(inTheWay);
      throw error;
    }
    for (const bridge of leaving) await bridge.stop();
    return opened;
  }

  async #restore(stopped: readonly Bridge[]): Promise<void> {
    const heirs = new Map<Bridge, Bridge>();
    for (const bridge of stopped) {
      // Its address was ours a moment ago; if it cannot be had again the set as a whole has failed.
      heirs.set(bridge, await this.#open({ ...bridge.rule }).catch((error) => this.#lost(error)));
    }
    this.#bridges = this.#bridges.map((bridge) => heirs.get(bridge) ?? bridge);
    this.#retire(stopped);
  }

  #lost(error: unknown): never {
    this.#settle.failed(error);
    throw error;
  }

  async #open(rule: BridgeRule): Promise<Bridge> {
    const bridge = await openBridge(rule, this.#options);
    bridge.ended.catch(this.#settle.failed);
    return bridge;
  }

  #limit(kept: ReadonlyMap<BridgeRule, Bridge>): Bridge[] {
    const changed = [...kept].filter(([rule, bridge]) => !sameLimits(rule, bridge.limits));
    for (const [rule, bridge] of changed) bridge.setLimits(rule.limits);
    return changed.map(([, bridge]) => bridge);
  }

  #retire(stopped: readonly Bridge[]): void {
    const retired = [...this.#retired, ...stopped];
    const over = retired.filter((bridge) => bridge.counters().active === 0);
    this.#gone = over.reduce((sum, bridge) => addCounters(sum, bridge.counters()), this.#gone);
    this.#retired = retired.filter((bridge) => !over.includes(bridge));
    for (const bridge of over) void bridge.drain(0);
  }
}

/** Everything of a rule that cannot change while it listens. */
function wayOf({ listen, dial, peerCid, allowMetadata, retryRefused, name }: BridgeRule): string {
  const policy = [peerCid ?? null, allowMetadata === true, retryRefused === true, name];
  return JSON.stringify([formatAddress(listen), formatAddress(dial), ...policy]);
}

function sameAddress(left: BridgeRule['listen'], right: BridgeRule['listen']): boolean {
  return formatAddress(left) === formatAddress(right);
}

function sameLimits({ limits }: BridgeRule, now: BridgeRule['limits']): boolean {
  return (
    limits.maxConnections === now.maxConnections &&
    limits.idleTimeoutMs === now.idleTimeoutMs &&
    limits.dialTimeoutMs === now.dialTimeoutMs
  );
}

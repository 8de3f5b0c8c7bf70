// The data plane in the native engine: JavaScript says where to listen and, for a name or a fabric, where each connection
// goes. It sees beginnings and ends, never a byte.
import { isIP } from 'node:net';
import { type Address, formatAddress } from '@caisson/core/address';
import { PolicyError } from '@caisson/core/errors';
import type {
  NativeAddress,
  NativeAsk,
  NativeEngine,
  NativeEvent,
  NativeListener,
  NativeListenOptions,
  NativeTarget,
} from '@caisson/sys';
import type { NativeListenPlan } from '../transport/transport.ts';
import type { Bridge, PlaneContext } from './bridge.ts';
import type { BridgeErrorCode } from './bridge-error.ts';
import type { BridgePeer } from './event.ts';
import { resolveTargets } from './resolve.ts';
import { type BridgeLimits, type BridgeRule, checkBridgeLimits } from './rule.ts';
import { removeStaleSocket } from './stale-socket.ts';

/** Undefined when there is no engine to be had or the transport has no native way for this rule. */
export async function openNativeBridge(rule: BridgeRule, context: PlaneContext): Promise<Bridge | undefined> {
  const { kernel, engine: shared } = context;
  if (shared === undefined && kernel?.hasAddon !== true) return undefined;
  const targets = context.route === undefined ? fixedTargets(rule, context) : undefined;
  if (targets === undefined && rule.dial.kind !== 'tcp' && context.route === undefined) return undefined;
  const plan = await listenPlan(rule, context);
  if (plan === undefined) return undefined;
  const own = shared === undefined ? kernel?.createEngine() : undefined;
  const engine = shared ?? own;
  if (engine === undefined) return undefined;
  try {
    return new NativePlane(rule, context, { engine, own, plan, targets });
  } catch (error) {
    await own?.close();
    await plan.release();
    throw error;
  }
}

/** Undefined for a name, which is resolved for each connection, and for a way that only JavaScript knows. */
function fixedTargets({ dial }: BridgeRule, { transport }: PlaneContext): readonly NativeTarget[] | undefined {
  if (dial.kind === 'unix') return [{ address: dial }];
  if (dial.kind === 'tcp') {
    // A literal was judged with the rule.
    return isIP(dial.host) === 0 ? undefined : [{ address: { kind: 'tcp', address: dial.host, port: dial.port } }];
  }
  const target = transport.planDial({ cid: dial.cid, port: dial.port });
  return target === undefined ? undefined : [target];
}

async function listenPlan(rule: BridgeRule, context: PlaneContext): Promise<NativeListenPlan | undefined> {
  const { listen } = rule;
  if (listen.kind === 'vsock') return context.transport.planListen({ cid: listen.cid, port: listen.port });
  if (listen.kind === 'tcp') {
    return { address: { kind: 'tcp', address: context.host, port: listen.port }, async release() {} };
  }
  await removeStaleSocket(listen.path);
  return { address: listen, release: () => removeStaleSocket(listen.path) };
}

interface Parts {
  readonly engine: NativeEngine;
  /** Set when this bridge made the engine and must close it. */
  readonly own: NativeEngine | undefined;
  readonly plan: NativeListenPlan;
  readonly targets: readonly NativeTarget[] | undefined;
}

class NativePlane implements Bridge {
  readonly rule: BridgeRule;
  readonly plane = 'native';
  readonly ended: Promise<void>;
  readonly #context: PlaneContext;
  readonly #parts: Parts;
  readonly #target: string;
  readonly #listener: NativeListener;
  readonly #settleEnded: () => void;
  /** Peers told by a first line, by connection. */
  readonly #peers = new Map<number, BridgePeer>();
  /** Names being looked up, by connection. */
  readonly #resolving = new Map<number, AbortController>();
  /** Connections that the engine was told to refuse because their name has no address: failures, not refusals. */
  readonly #unresolved = new Map<number, { readonly error: string; readonly askedAtMs: number }>();
  #failures = 0;
  #limits: BridgeLimits;
  #stopped: Promise<void> | undefined;
  #freed: Promise<void> | undefined;

  constructor(rule: BridgeRule, context: PlaneContext, parts: Parts) {
    this.rule = rule;
    this.#context = context;
    this.#parts = parts;
    this.#limits = rule.limits;
    this.#target = formatAddress(rule.dial);
    const { promise, resolve } = Promise.withResolvers<void>();
    this.ended = promise;
    this.#settleEnded = resolve;
    this.#listener = parts.engine.listen(this.#listenOptions());
  }

  get address(): Address {
    const { listen } = this.rule;
    const bound = this.#listener.address;
    return listen.kind === 'tcp' && bound.kind === 'tcp' ? { ...listen, port: bound.port } : listen;
  }

  get limits(): BridgeLimits {
    return this.#limits;
  }

  counters(): ReturnType<Bridge['counters']> {
    const { accepted, active, refused, failed, forwardBytes, backwardBytes } = this.#listener.counters();
    const unresolved = Math.min(this.#failures, refused);
    return {
      accepted,
      active,
      refused: refused - unresolved,
      failed: failed + unresolved,
      forwardBytes,
      backwardBytes,
    };
  }

  setLimits(limits: BridgeLimits): void {
    checkBridgeLimits(limits, `bridge ${this.rule.name}`);
    this.#limits = limits;
    this.#listener.setLimits(limits);
  }

  stop(): Promise<void> {
    this.#stopped ??= this.#listener
      .stop()
      .then(() => this.#parts.plan.release())
      .then(this.#settleEnded);
    return this.#stopped;
  }

  async drain(graceMs: number): Promise<void> {
    await this.stop();
    await this.#listener.drain(graceMs);
    for (const controller of this.#resolving.values()) controller.abort(new Error('drained'));
    this.#freed ??= this.#parts.own?.close();
    await this.#freed;
  }

  #listenOptions(): NativeListenOptions {
    const { rule, targets, plan } = { ...this.#parts, rule: this.rule };
    const asks = targets === undefined || plan.parseLine !== undefined;
    // Where a first line or the address tells the peer, the engine must not check the CID itself: it would ask the socket, and a unix socket has
    // none. For an address that belongs to another peer than the rule's it does check, and so refuses everybody, as it should.
    const isTold = plan.parseLine !== undefined || plan.peer?.cid === rule.peerCid;
    const peerCid = isTold ? undefined : rule.peerCid;
    return {
      address: plan.address satisfies NativeAddress,
      ...rule.limits,
      retryRefused: rule.retryRefused === true,
      ...(peerCid === undefined ? {} : { peerCid }),
      ...(plan.acceptLine === undefined ? {} : { acceptLine: plan.acceptLine }),
      ...(targets === undefined ? {} : { targets }),
      ...(asks ? { onAsk: (ask) => void this.#answer(ask) } : {}),
      onEvents: (events) => {
        for (const event of events) this.#tell(event);
      },
    };
  }

  async #answer(ask: NativeAsk): Promise<void> {
    const askedAtMs = performance.now();
    try {
      const peer = this.#peerOf(ask);
      // The event waited until the peer was known.
      if (this.#parts.plan.parseLine !== undefined) this.#tellAccepted(ask.id, peer);
      if (this.#parts.targets !== undefined) ask.dial();
      else ask.dial(await this.#farSideOf(ask.id, peer));
    } catch (error) {
      const { message } = error as Error;
      if (!(error instanceof PolicyError)) {
        this.#failures += 1;
        keepBounded(this.#unresolved, ask.id, { error: message, askedAtMs }, 2 * this.#limits.maxConnections);
      }
      ask.refuse(message);
    }
  }

  get #planned(): BridgePeer | undefined {
    const { peer } = this.#parts.plan;
    return peer && { kind: 'vsock', ...peer };
  }

  #peerOf(ask: NativeAsk): BridgePeer | undefined {
    const { parseLine } = this.#parts.plan;
    if (parseLine === undefined) return this.#planned ?? ask.peer;
    const { cid, port } = parseLine(ask.line ?? '');
    const { peerCid } = this.rule;
    if (peerCid !== undefined && cid !== peerCid) {
      throw new PolicyError<BridgeErrorCode>('BRIDGE_PEER', `peer cid must be ${peerCid}, got ${cid}`);
    }
    return { kind: 'vsock', cid, port };
  }

  async #farSideOf(id: number, peer: BridgePeer | undefined): Promise<readonly NativeTarget[]> {
    const controller = new AbortController();
    const timer = setTimeout(() => controller.abort(new Error('dial timeout')), this.#limits.dialTimeoutMs);
    this.#resolving.set(id, controller);
    try {
      const { route } = this.#context;
      if (route === undefined) return await this.#resolve(controller.signal);
      const { transport, cid, port } = await route(peer, controller.signal);
      const target = transport.planDial({ cid, port });
      if (target === undefined) throw new Error(`the ${transport.kind} transport has no native way to ${cid}:${port}`);
      return [target];
    } finally {
      clearTimeout(timer);
      this.#resolving.delete(id);
    }
  }

  async #resolve(signal: AbortSignal): Promise<readonly NativeTarget[]> {
    const { dial } = this.rule;
    if (dial.kind !== 'tcp') throw new TypeError(`only a tcp far side has a name, got ${dial.kind}`);
    const policy = { what: `bridge ${this.rule.name}`, allowMetadata: this.rule.allowMetadata === true };
    const hosts = await resolveTargets(dial.host, policy, this.#context.resolve, signal);
    return hosts.map((address) => ({ address: { kind: 'tcp', address, port: dial.port } }));
  }

  #tellAccepted(id: number, peer: BridgePeer | undefined): void {
    if (peer !== undefined) keepBounded(this.#peers, id, peer, 2 * this.#limits.maxConnections);
    this.#context.onEvent({ type: 'accepted', bridge: this.rule.name, id, peer, target: this.#target });
  }

  #tell(event: NativeEvent): void {
    const { id } = event;
    if (event.type === 'accepted') {
      if (this.#parts.plan.parseLine === undefined) this.#tellAccepted(id, this.#planned ?? event.peer);
      return;
    }
    const peer = this.#peers.get(id) ?? (event.type === 'closed' ? event.peer : undefined);
    const unresolved = this.#unresolved.get(id);
    this.#peers.delete(id);
    this.#unresolved.delete(id);
    this.#resolving.get(id)?.abort(new Error('ended'));
    const about = { bridge: this.rule.name, id, peer };
    if (event.type === 'closed') {
      const { dialled, durationMs, forwardBytes, backwardBytes, forwardError, backwardError } = event;
      const result = { dialled, durationMs, forwardBytes, backwardBytes, forwardError, backwardError };
      this.#context.onEvent({ ...about, type: 'closed', target: this.#target, ...result });
    } else if (unresolved === undefined) {
      const overCap = `over the cap of ${this.#limits.maxConnections} connections`;
      const reason = event.reason === 'connection limit' ? overCap : event.reason;
      this.#context.onEvent({ ...about, type: 'refused', reason });
    } else {
      const { error } = unresolved;
      const durationMs = performance.now() - unresolved.askedAtMs;
      const result = { dialled: false, durationMs, forwardBytes: 0, backwardBytes: 0 };
      const errors = { forwardError: error, backwardError: error };
      this.#context.onEvent({ ...about, type: 'closed', target: this.#target, ...result, ...errors });
    }
  }
}

// The engine may drop events when nobody takes them in time; what waits for one must not grow for ever.
function keepBounded<Value>(map: Map<number, Value>, id: number, value: Value, most: number): void {
  map.set(id, value);
  for (const oldest of map.keys()) {
    if (map.size <= most) return;
    map.delete(oldest);
  }
}

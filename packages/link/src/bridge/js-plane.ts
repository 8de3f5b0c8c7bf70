// The data plane in JavaScript, for platforms without the addon: accepts, holds the cap, dials, relays, counts.
// One coarse timer looks for idle connections; nothing is armed per read.
import type { Socket } from 'node:net';
import { formatAddress } from '@caisson/core/address';
import type { Bridge, PlaneContext } from './bridge.ts';
import { dialFarSide } from './dial.ts';
import type { BridgePeer } from './event.ts';
import { JsConnection } from './js-connection.ts';
import { type JsListener, listenByRule } from './js-listener.ts';
import { untilAborted } from './resolve.ts';
import { type BridgeLimits, type BridgeRule, checkBridgeLimits } from './rule.ts';
import { abortEnd, type StreamEnd } from './stream-end.ts';

// Chosen: an idle connection ends at most an eighth of its time-out late, and a sweep costs less than one read a second.
const sweepsPerTimeout = 8;
const longestSweepMs = 1_000;
const shortestSweepMs = 10;

export async function openJsBridge(rule: BridgeRule, context: PlaneContext): Promise<Bridge> {
  const plane = new JsPlane(rule, context);
  await plane.listen();
  return plane;
}

class JsPlane implements Bridge {
  readonly rule: BridgeRule;
  readonly plane = 'js';
  readonly ended: Promise<void>;
  readonly #context: PlaneContext;
  readonly #target: string;
  readonly #connections = new Set<JsConnection>();
  readonly #settle: { ended: () => void; failed: (error: Error) => void };
  readonly #counts = { accepted: 0, refused: 0, failed: 0, forwardBytes: 0, backwardBytes: 0 };
  #limits: BridgeLimits;
  #listener: JsListener | undefined;
  #nextId = 1;
  #sweep: NodeJS.Timeout | undefined;
  #emptied: (() => void)[] = [];

  constructor(rule: BridgeRule, context: PlaneContext) {
    this.rule = rule;
    this.#context = context;
    this.#target = formatAddress(rule.dial);
    this.#limits = rule.limits;
    const { promise, resolve, reject } = Promise.withResolvers<void>();
    this.ended = promise;
    this.#settle = { ended: resolve, failed: reject };
    // A caller that never asks must not be killed by an unhandled rejection.
    promise.catch(() => {});
  }

  get address(): Bridge['address'] {
    return this.#listener?.address ?? this.rule.listen;
  }

  async listen(): Promise<void> {
    const { host, transport } = this.#context;
    const accept = (socket: Socket, peer: BridgePeer | undefined): void => this.#accept(socket, peer);
    this.#listener = await listenByRule(this.rule, host, transport, accept, this.#settle.failed);
  }

  get limits(): BridgeLimits {
    return this.#limits;
  }

  counters(): ReturnType<Bridge['counters']> {
    const counts = { ...this.#counts, active: this.#connections.size };
    for (const { forwardBytes, backwardBytes } of this.#connections) {
      counts.forwardBytes += forwardBytes;
      counts.backwardBytes += backwardBytes;
    }
    return counts;
  }

  setLimits(limits: BridgeLimits): void {
    checkBridgeLimits(limits, `bridge ${this.rule.name}`);
    this.#limits = limits;
    // The next sweep may have to come sooner now.
    clearTimeout(this.#sweep);
    this.#sweep = undefined;
    this.#sweepSoon();
  }

  async stop(): Promise<void> {
    await this.#listener?.close();
    this.#settle.ended();
  }

  async drain(graceMs: number): Promise<void> {
    await this.stop();
    if (this.#connections.size === 0) return;
    const emptied = new Promise<void>((settle) => this.#emptied.push(settle));
    const timer = setTimeout(() => {
      for (const connection of this.#connections) connection.abort('drained');
    }, graceMs);
    await emptied;
    clearTimeout(timer);
  }

  #accept(socket: Socket, peer: BridgePeer | undefined): void {
    const accepted: StreamEnd = { socket, canReset: this.rule.listen.kind === 'tcp' };
    const id = this.#nextId++;
    const { maxConnections, idleTimeoutMs, dialTimeoutMs } = this.#limits;
    const event = { bridge: this.rule.name, id, peer };
    if (this.#connections.size >= maxConnections) {
      socket.on('error', () => {});
      abortEnd(accepted);
      this.#counts.refused += 1;
      this.#context.onEvent({ type: 'refused', ...event, reason: `over the cap of ${maxConnections} connections` });
      return;
    }
    this.#counts.accepted += 1;
    this.#context.onEvent({ type: 'accepted', ...event, target: this.#target });
    const connection = new JsConnection(id, peer, accepted, idleTimeoutMs);
    this.#connections.add(connection);
    this.#sweepSoon();
    const dial = (signal: AbortSignal): Promise<Socket> => this.#dial(peer, signal);
    const dialled = { canReset: this.rule.dial.kind === 'tcp', timeoutMs: dialTimeoutMs };
    void connection.run(dial, dialled).then((end) => {
      this.#connections.delete(connection);
      this.#counts.forwardBytes += end.forwardBytes;
      this.#counts.backwardBytes += end.backwardBytes;
      const { refusal, ...result } = end;
      if (refusal !== undefined) {
        this.#counts.refused += 1;
        this.#context.onEvent({ type: 'refused', ...event, reason: refusal });
      } else {
        if (!end.dialled) this.#counts.failed += 1;
        this.#context.onEvent({ type: 'closed', ...event, target: this.#target, ...result });
      }
      if (this.#connections.size === 0) this.#nowEmpty();
    });
  }

  async #dial(peer: BridgePeer | undefined, signal: AbortSignal): Promise<Socket> {
    const { route } = this.#context;
    if (route === undefined) return await dialFarSide(this.rule, this.#context, signal);
    const { transport, cid, port } = await untilAborted(Promise.resolve(route(peer, signal)), signal);
    const rule: BridgeRule = { ...this.rule, dial: { kind: 'vsock', cid, port } };
    return await dialFarSide(rule, { ...this.#context, transport }, signal);
  }

  #nowEmpty(): void {
    clearTimeout(this.#sweep);
    this.#sweep = undefined;
    for (const settle of this.#emptied.splice(0)) settle();
  }

  #sweepSoon(): void {
    if (this.#sweep !== undefined) return;
    const living = [...this.#connections].map(({ idleTimeoutMs }) => idleTimeoutMs);
    // The limits of now stand for whoever comes before the next sweep.
    const timeouts = living.length === 0 ? [] : [...living, this.#limits.idleTimeoutMs].filter((ms) => ms > 0);
    if (timeouts.length === 0) return;
    const everyMs = Math.min(longestSweepMs, Math.max(shortestSweepMs, Math.min(...timeouts) / sweepsPerTimeout));
    this.#sweep = setTimeout(() => {
      this.#sweep = undefined;
      for (const connection of this.#connections) if (connection.isIdle()) connection.abort('idle timeout');
      this.#sweepSoon();
    }, everyMs);
  }
}

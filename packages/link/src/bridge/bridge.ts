// A bridge: connections to one address are carried to another, both ways, until somebody ends it. The bytes go through
// the native engine where there is one, else through JavaScript; what is promised is the same (the contract suite).
import { type Address, type Cid, formatAddress, type TcpAddress, type VsockPort } from '@caisson/core/address';
import { CaissonError } from '@caisson/core/errors';
import type { Kernel, NativeEngine } from '@caisson/sys';
import type { Transport } from '../transport/transport.ts';
import type { BridgeErrorCode } from './bridge-error.ts';
import type { BridgeCounters, BridgeEvent, BridgePeer } from './event.ts';
import { openJsBridge } from './js-plane.ts';
import { openNativeBridge } from './native-plane.ts';
import { type ResolveHost, resolveBySystem, resolveTargets } from './resolve.ts';
import { type BridgeLimits, type BridgeRule, checkBridgeRule } from './rule.ts';

export interface BridgeOptions {
  /** What vsock addresses mean. */
  readonly transport: Transport;
  /** Without it, or without its addon, the bytes go through JavaScript. */
  readonly kernel?: Kernel;
  /** Shared by several bridges and closed by its owner. Absent: a bridge makes its own and closes it in `drain`. */
  readonly engine?: NativeEngine;
  /** Default `auto`: native when it is there and the transport can be served natively. */
  readonly plane?: 'auto' | 'native' | 'js';
  /** Default: the system's resolver. */
  readonly resolve?: ResolveHost;
  /**
   * Asked for each connection of a rule that dials vsock: where it goes instead of the rule's `dial`, now or within `dialTimeoutMs`. A PolicyError
   * refuses the connection with its message as the reason; whatever else it throws is a far side that was not reached. `gone` is aborted when
   * nobody waits for the answer any more.
   */
  readonly route?: RouteConnection;
  /** Must not throw; called off the data path. */
  readonly onEvent?: (event: BridgeEvent) => void;
}

export interface BridgeRoute {
  readonly transport: Transport;
  readonly cid: Cid;
  readonly port: VsockPort;
}

export type RouteConnection = (peer: BridgePeer | undefined, gone: AbortSignal) => Promise<BridgeRoute> | BridgeRoute;

export interface Bridge {
  readonly rule: BridgeRule;
  /** Where it listens, with the port that the kernel chose. */
  readonly address: Address;
  readonly plane: 'native' | 'js';
  /** The rule's, or the last that were set. */
  readonly limits: BridgeLimits;
  counters(): BridgeCounters;
  /** For connections accepted from now on. Throws ParseError BRIDGE_RULE. */
  setLimits(limits: BridgeLimits): void;
  /** Stops accepting and frees the address; living connections go on. End with `drain`. */
  stop(): Promise<void>;
  /** `stop`, then waits at most `graceMs` for living connections, then aborts what is left. Frees everything. */
  drain(graceMs: number): Promise<void>;
  /** Resolves when the listener has been stopped; rejects if it failed by itself. */
  readonly ended: Promise<void>;
}

/** What a data plane needs besides the rule. `host` is the literal to bind when the rule listens on TCP. */
export interface PlaneContext extends BridgeOptions {
  readonly resolve: ResolveHost;
  readonly onEvent: (event: BridgeEvent) => void;
  readonly host: string;
}

// Chosen: a name to listen on is looked up once, at start.
const listenNameTimeoutMs = 5_000;

/**
 * Throws ParseError BRIDGE_RULE, PolicyError BRIDGE_METADATA, and CaissonError BRIDGE_LISTEN (address in use, not ours
 * to bind), BRIDGE_PLANE (native asked for and not there) or BRIDGE_RESOLVE.
 */
export async function openBridge(rule: BridgeRule, options: BridgeOptions): Promise<Bridge> {
  checkBridgeRule(rule, `bridge ${rule.name}`, options.route !== undefined);
  const { onEvent = () => {}, resolve = resolveBySystem, plane = 'auto' } = options;
  const host = rule.listen.kind === 'tcp' ? await listenHost(rule.name, rule.listen, resolve) : '';
  const context: PlaneContext = { ...options, onEvent, resolve, host };
  try {
    const native = plane === 'js' ? undefined : await openNativeBridge(rule, context);
    if (native !== undefined) return native;
    if (plane === 'native') {
      throw new CaissonError<BridgeErrorCode>(
        'BRIDGE_PLANE',
        `bridge ${rule.name} cannot use the native data plane for ${formatAddress(rule.listen)} to ` +
          `${formatAddress(rule.dial)} over the ${options.transport.kind} transport: the addon or the way is missing`,
      );
    }
    return await openJsBridge(rule, context);
  } catch (error) {
    throw error instanceof CaissonError ? error : cannotListen(rule, error);
  }
}

async function listenHost(name: string, { host }: TcpAddress, resolve: ResolveHost): Promise<string> {
  const policy = { what: `bridge ${name} listener`, allowMetadata: true };
  const [address = host] = await resolveTargets(host, policy, resolve, AbortSignal.timeout(listenNameTimeoutMs));
  return address;
}

function cannotListen(rule: BridgeRule, cause: unknown): CaissonError<BridgeErrorCode> {
  const { code = 'error', message } = cause as NodeJS.ErrnoException;
  const inUse = code === 'EADDRINUSE';
  return new CaissonError(
    'BRIDGE_LISTEN',
    `bridge ${rule.name} cannot listen on ${formatAddress(rule.listen)}: ${message.includes(code) ? message : `${code} ${message}`}`,
    inUse ? { cause, hint: 'another process or rule has this address; choose another or stop it' } : { cause },
  );
}

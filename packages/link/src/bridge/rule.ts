// A bridge as data: where it listens, where it dials, within which bounds. Refuses a rule that cannot work or that would
// reach a metadata service, with the field, the value and the bound.
import { type Address, CID_ANY, type Cid, formatAddress } from '@caisson/core/address';
import { ParseError, PolicyError } from '@caisson/core/errors';
import type { BridgeErrorCode } from './bridge-error.ts';
import { isMetadataAddress } from './metadata.ts';

export interface BridgeLimits {
  /** Connections alive at once; one more is accepted and reset. 1..65,536. */
  readonly maxConnections: number;
  /** A connection whose open directions have all moved nothing for this long is aborted. 0 = never. */
  readonly idleTimeoutMs: number;
  /** From accept to a usable far side: name, every address, retries. 1..3,600,000. */
  readonly dialTimeoutMs: number;
}

export interface BridgeRule {
  /** Shown in messages and events. */
  readonly name: string;
  readonly listen: Address;
  readonly dial: Address;
  readonly limits: BridgeLimits;
  /** Only for a vsock listener: another peer is reset before a byte of it is read. */
  readonly peerCid?: Cid;
  /** Let the far side be a metadata or credentials service of the cloud. Default false. */
  readonly allowMetadata?: boolean;
  /** Try a refused vsock or unix far side again until `dialTimeoutMs`: the caller knows that it will be there. */
  readonly retryRefused?: boolean;
}

// Chosen: argonaut's defaults.
export const DEFAULT_BRIDGE_LIMITS: BridgeLimits = {
  maxConnections: 1024,
  idleTimeoutMs: 300_000,
  dialTimeoutMs: 30_000,
};
// Chosen: two descriptors a connection, and the largest limit of descriptors that systems ship is a million.
const mostConnections = 65_536;
// Given: the longest delay of a timer in Node and in poll(2) is a signed 32-bit count of milliseconds.
const mostTimeoutMs = 0x7fffffff;
const mostDialTimeoutMs = 3_600_000;

/** Throws ParseError BRIDGE_RULE or PolicyError BRIDGE_METADATA. `what` names the rule in messages; `isRouted`: each connection is told its far side. */
export function checkBridgeRule(rule: BridgeRule, what = `bridge ${rule.name}`, isRouted = false): void {
  checkBridgeLimits(rule.limits, what);
  const { listen, dial, peerCid } = rule;
  if (isRouted && dial.kind !== 'vsock')
    throw fault(`${what} must dial vsock to be routed, got ${formatAddress(dial)}`);
  if (dial.kind === 'vsock' && dial.cid === CID_ANY && !isRouted)
    throw fault(`${what} dial must name one CID, got any`);
  if (dial.kind === 'tcp' && dial.port === 0) throw fault(`${what} dial port must be an integer in 1..65535, got 0`);
  if (formatAddress(listen) === formatAddress(dial)) {
    throw fault(`${what} must not dial what it listens on, got ${formatAddress(dial)} for both`);
  }
  if (peerCid !== undefined && listen.kind !== 'vsock') {
    throw fault(`${what} peerCid ${peerCid} needs a vsock listener, got ${formatAddress(listen)}`);
  }
  if (dial.kind === 'tcp' && rule.allowMetadata !== true && isMetadataAddress(dial.host)) {
    throw refusedMetadata(what, dial.host, dial.host);
  }
}

/** Throws ParseError BRIDGE_RULE. */
export function checkBridgeLimits(limits: BridgeLimits, what: string): void {
  checkNumber(limits.maxConnections, 1, mostConnections, `${what} maxConnections`);
  checkNumber(limits.idleTimeoutMs, 0, mostTimeoutMs, `${what} idleTimeoutMs`);
  checkNumber(limits.dialTimeoutMs, 1, mostDialTimeoutMs, `${what} dialTimeoutMs`);
}

/** The refusal of a far side that hands out the instance's credentials. */
export function refusedMetadata(what: string, host: string, address: string): PolicyError<BridgeErrorCode> {
  const seen = host === address ? host : `${host} at ${address}`;
  return new PolicyError('BRIDGE_METADATA', `${what} must not dial ${seen}, a metadata or credentials address`, {
    hint: 'whoever reaches it holds the credentials of the instance; --allow-metadata if that is meant',
  });
}

function checkNumber(value: number, least: number, most: number, what: string): void {
  if (!Number.isInteger(value) || value < least || value > most) {
    throw fault(`${what} must be an integer in ${least}..${most}, got ${value}`);
  }
}

function fault(message: string): ParseError<BridgeErrorCode> {
  return new ParseError('BRIDGE_RULE', message);
}

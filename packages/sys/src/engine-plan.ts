// What a caller asks of the engine, checked and laid flat for the addon. A value that no caller should give is a TypeError
// here, so that the C below never has to guess. Names are refused: nothing in this package resolves one.
import { isIP } from 'node:net';
import type { RawAddress, RawPlan, RawTarget } from './engine-binding.ts';
import type { NativeAddress } from './kernel.ts';
import type { NativeEngineOptions, NativeListenOptions, NativeTarget } from './native-engine.ts';

// Given.
const anyCid = 0xffffffff;
/** sun_path is 108 bytes with its NUL; Node 20 cut longer paths silently. */
const maxPathBytes = 107;
// Chosen; the C side has the same numbers in bridge.h.
const maxTargets = 16;
const maxPrefaceBytes = 64;
const maxPrefixBytes = 32;
const maxLineBytes = 4096;
const maxMs = 0x7fffffff;
const defaults = {
  backlog: 4096,
  vsockWriteBytes: 32_768,
  vsockWindowBytes: 8 * 1024 * 1024,
  fairnessBytes: 1024 * 1024,
};

export function checkEngineOptions(options: NativeEngineOptions): Required<NativeEngineOptions> {
  return {
    vsockWriteBytes: whole('vsockWriteBytes', options.vsockWriteBytes ?? defaults.vsockWriteBytes, 1, 1 << 30),
    vsockWindowBytes: whole('vsockWindowBytes', options.vsockWindowBytes ?? defaults.vsockWindowBytes, 128, 1 << 30),
    fairnessBytes: whole('fairnessBytes', options.fairnessBytes ?? defaults.fairnessBytes, 1, 1 << 30),
    splice: options.splice ?? true,
  };
}

export interface Limits {
  readonly maxConnections: number;
  readonly idleTimeoutMs: number;
  readonly dialTimeoutMs: number;
}

export function checkLimits(limits: Limits): Limits {
  return {
    maxConnections: whole('maxConnections', limits.maxConnections, 1, 0xffffffff),
    idleTimeoutMs: whole('idleTimeoutMs', limits.idleTimeoutMs, 0, maxMs),
    dialTimeoutMs: whole('dialTimeoutMs', limits.dialTimeoutMs, 1, maxMs),
  };
}

export function planListen(options: NativeListenOptions): RawPlan {
  const { acceptLine, targets } = options;
  const asks = targets === undefined || acceptLine !== undefined;
  if (asks && options.onAsk === undefined) {
    throw new TypeError('a listener without targets, or with acceptLine, needs onAsk');
  }
  return {
    address: flattenAddress('address', options.address),
    backlog: whole('backlog', options.backlog ?? defaults.backlog, 1, maxMs),
    ...checkLimits(options),
    peerCid: options.peerCid ?? anyCid,
    lineBytes: acceptLine === undefined ? 0 : whole('acceptLine.maxBytes', acceptLine.maxBytes, 2, maxLineBytes),
    lineTimeoutMs: acceptLine === undefined ? 0 : whole('acceptLine.timeoutMs', acceptLine.timeoutMs, 1, maxMs),
    asks,
    reports: options.onEvents !== undefined,
    retryRefused: options.retryRefused ?? false,
    targets: targets === undefined ? null : flattenTargets(targets),
  };
}

export function flattenTargets(targets: readonly NativeTarget[]): readonly RawTarget[] {
  if (targets.length < 1 || targets.length > maxTargets) {
    throw new TypeError(`targets must be 1..${maxTargets} addresses, got ${targets.length}`);
  }
  return targets.map((target, index) => flattenTarget(`targets[${index}]`, target));
}

function flattenTarget(name: string, target: NativeTarget): RawTarget {
  const preface = target.preface ?? new Uint8Array(0);
  if (preface.length > maxPrefaceBytes) {
    throw new TypeError(`${name}.preface must be at most ${maxPrefaceBytes} bytes, got ${preface.length}`);
  }
  const { prefix = '', maxBytes = 0 } = target.replyLine ?? {};
  if (target.replyLine !== undefined) whole(`${name}.replyLine.maxBytes`, maxBytes, 2, maxLineBytes);
  // The prefix and a newline must fit into the line, or no answer could ever be right.
  whole(
    `${name}.replyLine.prefix length`,
    Buffer.byteLength(prefix),
    0,
    Math.min(maxPrefixBytes, Math.max(0, maxBytes - 1)),
  );
  return {
    ...flattenAddress(`${name}.address`, target.address),
    preface: Uint8Array.from(preface).buffer,
    prefix,
    replyBytes: maxBytes,
  };
}

function flattenAddress(name: string, address: NativeAddress): RawAddress {
  switch (address.kind) {
    case 'tcp':
      if (isIP(address.address) === 0 || address.address.includes('%')) {
        throw new TypeError(`${name} must be an IP literal without a zone, got ${JSON.stringify(address.address)}`);
      }
      return { kind: 'tcp', host: address.address, cid: 0, port: whole(`${name} port`, address.port, 0, 65_535) };
    case 'unix': {
      const bytes = Buffer.byteLength(address.path);
      if (bytes < 1 || bytes > maxPathBytes || address.path.includes('\0')) {
        throw new TypeError(`${name} must be a path of 1..${maxPathBytes} bytes without NUL, got ${bytes} bytes`);
      }
      return { kind: 'unix', host: address.path, cid: 0, port: 0 };
    }
    case 'vsock':
      return { kind: 'vsock', host: '', cid: address.cid, port: address.port };
  }
}

function whole(name: string, value: number, least: number, greatest: number): number {
  if (!Number.isInteger(value) || value < least || value > greatest) {
    throw new TypeError(`${name} must be an integer in ${least}..${greatest}, got ${value}`);
  }
  return value;
}

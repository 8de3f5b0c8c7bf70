// Event records of the engine as values. The layout is struct record in addon/bridge_ring.h, in the machine's own byte
// order; a static assertion there and `recordBytes` here keep the two together.
import { endianness } from 'node:os';
import type { RawPeer } from './engine-binding.ts';
import { errnoName } from './errno.ts';
import type { NativeEvent, NativePeer } from './native-engine.ts';

export const recordBytes = 88;

const littleEndian = endianness() === 'LE';
const refusals: Readonly<Record<number, string>> = {
  1: 'connection limit',
  2: 'peer cid',
  3: 'first line too long',
  4: 'first line late',
  5: 'first line ended',
  6: 'refused',
};
const ownErrors: Readonly<Record<number, string>> = { [-1]: 'idle timeout', [-2]: 'dial timeout', [-3]: 'drained' };

export interface ListenerEvent {
  readonly listener: number;
  readonly event: NativeEvent;
}

/** Reads the record at `index`. */
export function readRecord(records: DataView, index: number): ListenerEvent {
  const at = index * recordBytes;
  const u32 = (offset: number): number => records.getUint32(at + offset, littleEndian);
  const f64 = (offset: number): number => records.getFloat64(at + offset, littleEndian);
  const id = f64(8);
  const atMs = f64(16);
  const peer = readPeer(records, at + 56, u32(56), u32(60));
  const listener = u32(4);
  switch (u32(0)) {
    case 0:
      return { listener, event: { type: 'accepted', id, peer, atMs } };
    case 1:
      return { listener, event: { type: 'refused', id, reason: refusals[u32(80)] ?? 'refused', atMs } };
    default:
      return {
        listener,
        event: {
          type: 'closed',
          id,
          peer,
          dialled: u32(84) === 1,
          durationMs: f64(24),
          forwardBytes: f64(32),
          backwardBytes: f64(40),
          forwardError: errorName(records.getInt32(at + 48, littleEndian)),
          backwardError: errorName(records.getInt32(at + 52, littleEndian)),
        },
      };
  }
}

/** `ECONNRESET`, `idle timeout` and the like; undefined for 0. */
function errorName(error: number): string | undefined {
  if (error === 0) return undefined;
  return ownErrors[error] ?? errnoName(-error);
}

/** A note's peer in the public form. */
export function toPeer(raw: RawPeer | null | undefined): NativePeer | undefined {
  if (raw === null || raw === undefined) return undefined;
  return 'cid' in raw ? { kind: 'vsock', ...raw } : { kind: 'tcp', ...raw };
}

function readPeer(records: DataView, at: number, kind: number, port: number): NativePeer | undefined {
  const bytes = new Uint8Array(records.buffer, records.byteOffset + at + 8, 16);
  if (kind === 1) return { kind: 'tcp', address: bytes.subarray(0, 4).join('.'), port };
  if (kind === 2) return { kind: 'tcp', address: formatIpv6(bytes), port };
  if (kind === 3) return { kind: 'vsock', cid: records.getUint32(at + 8, littleEndian), port };
  return undefined;
}

/** RFC 5952 section 4: lower case, no leading zeros, the first longest run of two or more zero groups as `::`. */
export function formatIpv6(bytes: Uint8Array): string {
  const groups = Array.from({ length: 8 }, (_, i) => ((bytes[i * 2] ?? 0) << 8) | (bytes[i * 2 + 1] ?? 0));
  let best = { start: 0, length: 1 };
  for (let start = 0; start < 8; start++) {
    let length = 0;
    while (groups[start + length] === 0) length++;
    if (length > best.length) best = { start, length };
  }
  const text = (from: number, to: number): string =>
    groups
      .slice(from, to)
      .map((group) => group.toString(16))
      .join(':');
  return best.length < 2 ? text(0, 8) : `${text(0, best.start)}::${text(best.start + best.length, 8)}`;
}

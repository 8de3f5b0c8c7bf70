// Records of the engine as values, without an engine: the layout is the addon's, byte by byte.
import assert from 'node:assert/strict';
import { endianness } from 'node:os';
import { test } from 'node:test';
import fc from 'fast-check';
import { formatIpv6, readRecord, recordBytes, toPeer } from './engine-event.ts';

const little = endianness() === 'LE';

test('reads a closed connection from the record that the addon writes', () => {
  const view = new DataView(new ArrayBuffer(recordBytes * 2));
  const at = recordBytes;
  const u32 = [
    [0, 2],
    [4, 7],
    [56, 3],
    [60, 5000],
    [64, 16],
    [84, 1],
  ] as const;
  for (const [offset, value] of u32) view.setUint32(at + offset, value, little);
  const f64 = [
    [8, 42],
    [16, 1_795_175_270_581],
    [24, 12],
    [32, 2 ** 40],
    [40, 3],
  ] as const;
  for (const [offset, value] of f64) view.setFloat64(at + offset, value, little);
  view.setInt32(at + 48, 104, little);
  view.setInt32(at + 52, -1, little);
  assert.deepEqual(readRecord(view, 1), {
    listener: 7,
    event: {
      type: 'closed',
      id: 42,
      peer: { kind: 'vsock', cid: 16, port: 5000 },
      dialled: true,
      durationMs: 12,
      forwardBytes: 2 ** 40,
      backwardBytes: 3,
      forwardError: 'ECONNRESET',
      backwardError: 'idle timeout',
    },
  });
});

test('names a refusal by its reason and a number it does not know plainly', () => {
  const view = new DataView(new ArrayBuffer(recordBytes));
  view.setUint32(0, 1, little);
  for (const [reason, words] of [
    [1, 'connection limit'],
    [2, 'peer cid'],
    [99, 'refused'],
  ] as const) {
    view.setUint32(80, reason, little);
    const { event } = readRecord(view, 0);
    assert.ok(event.type === 'refused' && event.reason === words);
  }
});

test('writes IPv6 addresses as RFC 5952 does', () => {
  fc.assert(
    fc.property(
      fc.array(fc.oneof(fc.constant(0), fc.integer({ min: 0, max: 0xffff })), { minLength: 8, maxLength: 8 }),
      (groups) => {
        const bytes = Uint8Array.from(groups.flatMap((group) => [group >> 8, group & 0xff]));
        // The URL standard's serializer has the same rules and another author.
        const url = new URL(`http://[${groups.map((group) => group.toString(16)).join(':')}]/`);
        assert.equal(`[${formatIpv6(bytes)}]`, url.hostname);
      },
    ),
    { seed: 5952, numRuns: 2_000 },
  );
});

test('gives a unix peer no name', () => {
  assert.equal(toPeer(null), undefined);
  assert.deepEqual(toPeer({ cid: 16, port: 9 }), { kind: 'vsock', cid: 16, port: 9 });
  assert.deepEqual(toPeer({ address: '::1', port: 9 }), { kind: 'tcp', address: '::1', port: 9 });
});

// The lines of connections in argonaut's words, character by character.
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { parseAddress } from '@caisson/core/address';
import type { BridgeEvent } from '../bridge/index.ts';
import { type BridgeLabel, ConnectionLines } from './index.ts';

const labels = new Map<string, BridgeLabel>([
  [
    'in',
    {
      side: 'host',
      direction: 'inbound',
      listen: parseAddress('tcp:0.0.0.0:8080'),
      dial: parseAddress('vsock:16:3000'),
    },
  ],
  [
    'out',
    {
      side: 'host',
      direction: 'outbound',
      listen: parseAddress('vsock:any:8100'),
      dial: parseAddress('tcp:sui.io:443'),
    },
  ],
  [
    'enclave',
    {
      side: 'traffic',
      direction: 'inbound',
      listen: parseAddress('vsock:any:3000'),
      dial: parseAddress('tcp:127.0.0.1:3001'),
    },
  ],
]);
const tcp = { kind: 'tcp', address: '10.0.0.9', port: 5000 } as const;
const end = {
  type: 'closed',
  dialled: true,
  durationMs: 1500,
  forwardBytes: 10,
  backwardBytes: 20,
  forwardError: undefined,
  backwardError: undefined,
} as const;
const messages = (lines: ConnectionLines, event: BridgeEvent): string[] =>
  lines.of(event).map(({ message }) => message);

test('writes one accepted and one closed line for each connection, numbered through all bridges', () => {
  const lines = new ConnectionLines(labels, true);
  assert.deepEqual(messages(lines, { type: 'accepted', bridge: 'in', id: 1, peer: tcp, target: '' }), [
    '[bridge:1] 10.0.0.9:5000 → VSOCK:16:3000 accepted',
  ]);
  const enclave = { kind: 'vsock', cid: 16, port: 1024 } as const;
  assert.deepEqual(messages(lines, { type: 'accepted', bridge: 'out', id: 1, peer: enclave, target: '' }), [
    '[bridge:2] vm(16):1024 → TCP:sui.io:443 accepted',
  ]);
  assert.deepEqual(
    messages(lines, { ...end, bridge: 'out', id: 1, peer: enclave, target: '', backwardError: 'ECONNRESET' }),
    [
      '[bridge:2] closed target=TCP:sui.io:443 duration=1.5s a_to_b=10 b_to_a=20 err_a_to_b=<nil> err_b_to_a=ECONNRESET',
    ],
  );
  assert.deepEqual(messages(lines, { ...end, bridge: 'in', id: 1, peer: tcp, target: '' }), [
    '[bridge:1] closed target=VSOCK:16:3000 duration=1.5s a_to_b=10 b_to_a=20 err_a_to_b=<nil> err_b_to_a=<nil>',
  ]);
});

test('writes one line for a connection over the limit, and names any other reason', () => {
  const lines = new ConnectionLines(labels, false);
  const refused = { type: 'refused', id: 3, reason: 'over the cap of 5 connections' } as const;
  const v6 = { kind: 'tcp', address: '::1', port: 9 } as const;
  assert.deepEqual(messages(lines, { ...refused, bridge: 'in', peer: v6 }), [
    '[host] inbound connection limit reached; closing [::1]:9',
  ]);
  const host = { kind: 'vsock', cid: 2, port: 7 } as const;
  assert.deepEqual(messages(lines, { ...refused, bridge: 'out', peer: host }), [
    '[host] outbound connection limit reached (VSOCK:8100); closing host(2):7',
  ]);
  assert.deepEqual(
    messages(lines, { ...refused, bridge: 'enclave', peer: { kind: 'vsock', cid: 3, port: 7 }, reason: 'not today' }),
    ['[traffic] inbound connection refused, not today; closing vm(3):7'],
  );
});

test('without connection lines still says when a far side was not reached', () => {
  const lines = new ConnectionLines(labels, false);
  assert.deepEqual(messages(lines, { type: 'accepted', bridge: 'in', id: 1, peer: tcp, target: '' }), []);
  assert.deepEqual(
    messages(lines, {
      ...end,
      bridge: 'in',
      id: 1,
      peer: tcp,
      target: '',
      dialled: false,
      forwardError: 'ECONNREFUSED',
    }),
    ['[host] inbound bridge error: dial VSOCK:16:3000: ECONNREFUSED'],
  );
  assert.deepEqual(messages(lines, { ...end, bridge: 'in', id: 2, peer: undefined, target: '' }), []);
});

test('forgets a connection when it is over', () => {
  const lines = new ConnectionLines(labels, true);
  for (let id = 1; id <= 3; id += 1) {
    lines.of({ type: 'accepted', bridge: 'in', id, peer: tcp, target: '' });
    const [line] = lines.of({ ...end, bridge: 'in', id, peer: tcp, target: '' });
    assert.equal(line?.fields['id'], id);
    assert.equal(lines.of({ ...end, bridge: 'in', id, peer: tcp, target: '' })[0]?.fields['id'], 0);
  }
});

test('says once a second that descriptors are out, however many connections met it', () => {
  let nowMs = 0;
  const lines = new ConnectionLines(labels, false, () => nowMs);
  const event = { ...end, bridge: 'in', id: 1, peer: tcp, target: '', dialled: false, forwardError: 'EMFILE' } as const;
  assert.equal(lines.of(event).length, 1);
  for (nowMs = 0; nowMs < 1000; nowMs += 10) assert.equal(lines.of(event).length, 0);
  assert.equal(lines.of(event).length, 1);
});

// One line for each connection, and one a second when descriptors run out.
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { type Log, silentLog } from '@caisson/core/log';
import type { BridgeClosed } from '@caisson/link/bridge';
import { createBridgeLog } from './bridge-log.ts';

const closed: BridgeClosed = {
  type: 'closed',
  bridge: 'b',
  id: 1,
  peer: { kind: 'tcp', address: '::1', port: 9 },
  target: 'vsock:16:8080',
  dialled: true,
  durationMs: 1.6,
  forwardBytes: 3,
  backwardBytes: 4,
  forwardError: undefined,
  backwardError: undefined,
};

function recorded(): { log: Log; lines: [level: string, code: string, message: string, fields: unknown][] } {
  const lines: [string, string, string, unknown][] = [];
  const at = (level: string) => (code: string, message: string, fields?: unknown) => {
    lines.push([level, code, message, fields]);
  };
  const log = { ...silentLog, error: at('error'), warn: at('warn'), info: at('info'), debug: at('debug') };
  return { log, lines };
}

test('gives a refusal one warning with its reason, and a far side that was not reached another', () => {
  const { log, lines } = recorded();
  const tell = createBridgeLog(log);
  tell({ type: 'refused', bridge: 'b', id: 7, peer: undefined, reason: 'over the cap of 2 connections' });
  tell({ ...closed, dialled: false, forwardError: 'ECONNREFUSED', backwardError: 'ECONNREFUSED' });
  tell(closed);
  assert.deepEqual(
    lines.map(([level, code]) => `${level} ${code}`),
    ['warn BRIDGE_REFUSED', 'warn BRIDGE_FAILED', 'info BRIDGE_CLOSED'],
  );
  assert.equal(lines[0]?.[2], 'refused: over the cap of 2 connections');
  assert.equal((lines[2]![3] as { peer: string }).peer, 'tcp:[::1]:9');
});

test('says once a second, not once a connection, that descriptors ran out', () => {
  const { log, lines } = recorded();
  let nowMs = 0;
  const tell = createBridgeLog(log, () => nowMs);
  const exhausted = { ...closed, dialled: false, forwardError: 'EMFILE', backwardError: 'EMFILE' };
  for (; nowMs < 2_500; nowMs += 10) tell(exhausted);
  assert.deepEqual(
    lines.map(([level, code, , fields]) => [level, code, (fields as { connections: number }).connections]),
    [
      ['error', 'BRIDGE_EXHAUSTED', 1],
      ['error', 'BRIDGE_EXHAUSTED', 100],
      ['error', 'BRIDGE_EXHAUSTED', 100],
    ],
  );
});

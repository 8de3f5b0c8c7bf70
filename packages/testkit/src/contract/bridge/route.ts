// Promises about a bridge that is told for each connection where it goes: now, later, or not at all.
import assert from 'node:assert/strict';
import { once } from 'node:events';
import { CID_ANY, toVsockPort } from '@caisson/core/address';
import { PolicyError } from '@caisson/core/errors';
import type { BridgeRoute } from '@caisson/link/bridge';
import type { BridgePromise } from './promise.ts';
import { echo, eventually, roundTrip } from './stream.ts';
import type { Water } from './water.ts';

const ping = Buffer.from('ping');
// Nobody is ever there: the rule only says of which family the far side is.
const nowhere = { kind: 'vsock', cid: CID_ANY, port: toVsockPort(1) } as const;
const on = ({ far }: Water['options']): boolean => far === 'fabric';

async function serveFar(water: Water): Promise<BridgeRoute> {
  const { address } = await water.serve(echo);
  if (address.kind !== 'vsock') throw new TypeError('the far side is on the fabric');
  return { transport: water.transport, cid: address.cid, port: address.port };
}

export const routePromises: readonly BridgePromise[] = [
  {
    title: 'asks for each connection where it goes, and a connection waits for the answer with what it has sent',
    on,
    async run(water) {
      const far = await serveFar(water);
      const { promise: asked, resolve: onAsked } = Promise.withResolvers<void>();
      const { promise: answered, resolve: answer } = Promise.withResolvers<BridgeRoute>();
      let times = 0;
      const route = (): Promise<BridgeRoute> | BridgeRoute => {
        times += 1;
        onAsked();
        return times === 1 ? answered : far;
      };
      const bridge = await water.open(nowhere, { route });
      const held = await water.connect(bridge);
      const echoed = roundTrip(held, ping);
      await asked;
      assert.equal(bridge.counters().failed, 0);
      answer(far);
      await echoed;
      await roundTrip(await water.connect(bridge), ping);
      assert.equal(times, 2);
      assert.deepEqual(
        { ...bridge.counters(), active: 0, forwardBytes: 0, backwardBytes: 0 },
        { accepted: 2, active: 0, refused: 0, failed: 0, forwardBytes: 0, backwardBytes: 0 },
      );
    },
  },
  {
    title:
      'resets a connection that it may not route, counts it as refused and tells the reason; any other fault is a far side not reached',
    on,
    async run(water) {
      let error: Error = new PolicyError('TEST', 'not now');
      const route = (): never => {
        throw error;
      };
      const bridge = await water.open(nowhere, { route });
      const outcome = await water.outcome(bridge);
      if (water.options.near === 'tcp') assert.equal(outcome, 'ECONNRESET');
      await eventually(() => bridge.counters().refused === 1, 'a refusal is counted');
      await eventually(
        () => water.events.some((event) => event.type === 'refused' && event.reason === 'not now'),
        () => `the reason is told, got ${JSON.stringify(water.events)}`,
      );
      error = new Error('nobody there');
      await water.outcome(bridge);
      await eventually(() => bridge.counters().failed === 1, 'a failure is counted');
      assert.equal(bridge.counters().refused, 1);
    },
  },
  {
    title: 'gives a question up when its connection is gone or late',
    on,
    async run(water) {
      const signals: AbortSignal[] = [];
      const { promise: asked, resolve: onAsked } = Promise.withResolvers<void>();
      const route = (_: unknown, gone: AbortSignal): Promise<BridgeRoute> => {
        signals.push(gone);
        onAsked();
        return new Promise((_resolve, reject) => gone.addEventListener('abort', () => reject(gone.reason)));
      };
      const bridge = await water.open(nowhere, { route, limits: { dialTimeoutMs: 150 } });
      const socket = await water.connect(bridge);
      await asked;
      const [signal] = signals;
      if (signal?.aborted === false) await once(signal, 'abort');
      await eventually(() => bridge.counters().failed === 1, 'a late answer is a far side not reached');
      socket.destroy();
      await eventually(() => bridge.counters().active === 0, 'nothing waits');
    },
  },
];

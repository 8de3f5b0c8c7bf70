// The enclave's end of the transport contract across the wall: dials and listens over AF_VSOCK as the parent orders, and ties
// each socket that comes of it to a connection of its own to the parent, the tap. What happens on one happens on the other:
// bytes, an end of one direction, an abort.
import type { Socket } from 'node:net';
import { CID_PARENT, toCid } from '@caisson/core/address';
import { createKernelTransport } from '@caisson/link/transport';
import { createLinuxKernel } from '@caisson/sys';
import { type Answer, type LaterOrder, type Order, orderPort, readMessage, tapPort, writeMessage } from './order.ts';

// Chosen: longer than any promise waits, shorter than the test.
const orderMs = 120_000;
const listenerLifeMs = 300_000;

const transport = createKernelTransport(createLinuxKernel());
const parent = { cid: toCid(CID_PARENT), port: tapPort };

await transport.listen({ cid: transport.localCid, port: orderPort }, { peerCid: parent.cid }, (line) => {
  line.on('error', () => {});
  obey(line).catch((error: Error) => {
    console.error(`far end: ${error.stack}`);
    line.destroy();
  });
});
console.log('far end: listening');

async function obey(line: Socket): Promise<void> {
  const order = await readMessage<Order>(line, orderMs);
  if (order.kind === 'dial') await dial(line, order);
  else if (order.kind === 'listen') await listen(line, order);
  else process.exit(0);
}

async function dial(line: Socket, { cid, port, timeoutMs, retryRefused, aborted }: Order & { kind: 'dial' }) {
  const aborter = new AbortController();
  const abort = (): void => aborter.abort();
  if (aborted) abort();
  // Before the answer the parent says nothing but abort.
  line.once('readable', abort);
  const options = {
    ...(timeoutMs !== undefined && { timeoutMs }),
    ...(retryRefused !== undefined && { retryRefused }),
    signal: aborter.signal,
  };
  try {
    const dialled = await transport.connect({ cid, port }, options);
    line.off('readable', abort);
    writeMessage(line, { ok: true });
    tie(dialled, line);
  } catch (error) {
    writeMessage(line, explain(error, aborter.signal));
    line.end();
  }
}

async function listen(line: Socket, { id, cid, port, backlog, peerCid }: Order & { kind: 'listen' }): Promise<void> {
  const options = { ...(backlog !== undefined && { backlog }), ...(peerCid !== undefined && { peerCid }) };
  try {
    const listener = await transport.listen({ cid, port }, options, async (accepted, peer) => {
      accepted.on('error', () => {});
      try {
        const tap = await transport.connect(parent, { timeoutMs: orderMs, retryRefused: true });
        writeMessage(tap, { id, peer });
        tie(accepted, tap);
      } catch (error) {
        console.error(`far end: tap: ${error}`);
        accepted.destroy();
      }
    });
    writeMessage(line, { ok: true });
    await readMessage<LaterOrder>(line, listenerLifeMs).finally(() => listener.close());
    writeMessage(line, { ok: true });
  } catch (error) {
    writeMessage(line, explain(error));
  }
  line.end();
}

/** The end of a direction is passed on by pipe; whatever else ends a socket destroys the other. */
function tie(one: Socket, other: Socket): void {
  for (const [from, to] of [
    [one, other],
    [other, one],
  ] as const) {
    const passAbort = (): void => {
      if (!from.readableEnded || !from.writableFinished) to.destroy();
    };
    from.on('error', () => to.destroy());
    if (from.destroyed) passAbort();
    else from.on('close', passAbort).pipe(to);
  }
}

function explain(error: unknown, signal?: AbortSignal): Answer {
  const aborted = signal?.aborted === true && error === signal.reason;
  const { message, code, syscall } = error as NodeJS.ErrnoException;
  return {
    ok: false,
    aborted,
    message,
    ...(code !== undefined && { code }),
    ...(syscall !== undefined && { syscall }),
  };
}

// An open loop: request n is due at start + n / rate, whatever became of those before it, and its latency counts from then. A server that stalls is thus
// charged for everybody who would have come meanwhile; a generator that waits for answers would not send them and would call it fast (coordinated
// omission). A request that finds no free connection under the cap waits, and its wait counts.
import { type Connection, openConnection, type Target } from './connection.ts';

export interface Offer extends Target {
  readonly rate: number;
  readonly durationMs: number;
  readonly maxConnections: number;
  /** From when it was due. */
  readonly timeoutMs: number;
  readonly stop: AbortSignal;
}

export interface Offered {
  readonly requests: number;
  /** From when each was due until its end, by request; NaN for those that never ended because the run was stopped. */
  readonly latencyMs: Float64Array;
  /** By request: undefined for an answer that holds. */
  readonly faults: readonly (string | undefined)[];
  /** How late the generator itself got to each. */
  readonly lagMs: Float64Array;
  /** From the first that was due to the last end. */
  readonly elapsedMs: number;
  readonly connections: number;
}

// Chosen: shorter waits are spent polling, because a timer of Node is up to a millisecond late and the fastest answers take less.
const spinMs = 3;
const sweepMs = 50;

export async function offerLoad(offer: Offer): Promise<Offered> {
  const { rate, durationMs, maxConnections, timeoutMs, stop } = offer;
  const requests = Math.max(1, Math.round((rate * durationMs) / 1_000));
  const intervalMs = 1_000 / rate;
  const latencyMs = new Float64Array(requests).fill(Number.NaN);
  const lagMs = new Float64Array(requests);
  const faults: (string | undefined)[] = new Array(requests).fill(undefined);
  const { promise, resolve } = Promise.withResolvers<void>();
  const all = new Set<Connection>();
  const idle: Connection[] = [];
  const busy = new Map<number, Connection>();
  const queue: number[] = [];
  const start = performance.now() + 20;
  const dueAt = (request: number): number => start + request * intervalMs;
  let [next, ended, opened, lastEnd, queueHead] = [0, 0, 0, start, 0];

  const finish = (request: number, fault: string | undefined): void => {
    lastEnd = performance.now();
    latencyMs[request] = lastEnd - dueAt(request);
    faults[request] = fault;
    ended += 1;
    if (ended === requests) resolve();
  };
  const give = (connection: Connection, request: number): void => {
    busy.set(request, connection);
    connection.send((fault) => {
      busy.delete(request);
      finish(request, fault);
      if (connection.isOpen) release(connection);
      else {
        all.delete(connection);
        takeQueued();
      }
    });
  };
  const release = (connection: Connection): void => {
    const request = shift();
    if (request === undefined) idle.push(connection);
    else give(connection, request);
  };
  const shift = (): number | undefined => {
    if (queueHead === queue.length) {
      queue.length = queueHead = 0;
      return undefined;
    }
    return queue[queueHead++];
  };
  // A connection has gone: somebody who waits may open another.
  const takeQueued = (): void => {
    const request = shift();
    if (request !== undefined) dispatch(request);
  };
  const dispatch = (request: number): void => {
    let connection = idle.pop();
    while (connection !== undefined && !connection.isOpen) {
      all.delete(connection);
      connection = idle.pop();
    }
    if (connection === undefined && all.size >= maxConnections) return void queue.push(request);
    if (connection === undefined) {
      connection = openConnection(offer);
      opened += 1;
      all.add(connection);
    }
    give(connection, request);
  };
  const tick = (): void => {
    if (stop.aborted) return;
    const now = performance.now();
    while (next < requests && dueAt(next) <= now) {
      lagMs[next] = now - dueAt(next);
      dispatch(next);
      next += 1;
    }
    if (next === requests) return;
    const waitMs = dueAt(next) - performance.now();
    if (waitMs > spinMs) setTimeout(tick, waitMs - spinMs + 1);
    else setImmediate(tick);
  };
  // Requests end in about the order in which they were due: the oldest are looked at, on their way and waiting.
  const sweep = setInterval(() => {
    const late = performance.now() - timeoutMs;
    for (const [request, connection] of busy) if (dueAt(request) < late) connection.end('timeout');
    while (queueHead < queue.length && dueAt(queue[queueHead] ?? 0) < late) finish(shift() ?? 0, 'timeout');
  }, sweepMs);
  const onStop = (): void => resolve();
  stop.addEventListener('abort', onStop, { once: true });
  tick();
  await promise;
  stop.removeEventListener('abort', onStop);
  clearInterval(sweep);
  for (const connection of all) connection.end('ended');
  return { requests, latencyMs, faults, lagMs, elapsedMs: lastEnd - start, connections: opened };
}

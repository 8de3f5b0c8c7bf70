// Two streams joined in JavaScript. States: both directions open -> one ended (half-closed) -> both ended, which is the
// clean end; or, from any of them, aborted: an error of either end, an idle time-out or the caller. An abort resets both
// ends, because an end of file in place of an error would pass a truncated answer off as a whole one.
import { Flow } from './flow.ts';
import { abortEnd, type StreamEnd } from './stream-end.ts';

export interface Relay {
  readonly forward: Flow;
  readonly backward: Flow;
  /** Ends both directions that are still open, with `reason` as their error. */
  abort(reason: string): void;
}

/** `closed` is called once, when both sockets are closed. Both need allowHalfOpen and nobody else may read them. */
export function relayStreams(accepted: StreamEnd, dialled: StreamEnd, closed: () => void): Relay {
  let socketsOpen = 2;
  const forward = new Flow(accepted, dialled, closeWhenDone);
  const backward = new Flow(dialled, accepted, closeWhenDone);
  const flows = [forward, backward];

  function abort(reason: string): void {
    for (const flow of flows) {
      if (flow.open) flow.error ??= reason;
      flow.open = false;
    }
    abortEnd(accepted);
    abortEnd(dialled);
  }
  function closeWhenDone(): void {
    if (flows.some(({ open }) => open)) return;
    // Both ends of file have been delivered. autoDestroy would do the same one tick later.
    accepted.socket.destroySoon();
    dialled.socket.destroySoon();
  }

  for (const { socket } of [accepted, dialled]) {
    // Closed before it came here: it will emit nothing any more.
    if (socket.closed) {
      socketsOpen -= 1;
      continue;
    }
    socket.on('error', (error: NodeJS.ErrnoException) => abort(error.code ?? error.message));
    socket.once('close', () => {
      // A socket that closed cleanly has read and written everything, even if the other side still has to deliver it; any other close is an abort.
      if (!socket.readableEnded || !socket.writableFinished) abort('ECONNABORTED');
      socketsOpen -= 1;
      if (socketsOpen === 0) closed();
    });
  }
  if (accepted.socket.destroyed || dialled.socket.destroyed) abort('ECONNABORTED');
  if (socketsOpen === 0) queueMicrotask(closed);
  return { forward, backward, abort };
}
